package agent

import (
	"errors"
	"net/http"
	"strings"

	"rsc.io/qr"

	"holdfast/service/tunnel"
	"holdfast/web/api"
)

// qrView is the reply of POST /agent/v1/qr/{name}: a square of Size modules, a
// row a string, "1" for a dark one. It holds the tunnel's keys.
type qrView struct {
	Schema int      `json:"schema"`
	Size   int      `json:"size"`
	Rows   []string `json:"rows"`
}

// qr draws a tunnel's configuration, with its keys, for a phone's camera. Who may
// not export it gets the service's own refusal.
func (h *Host) qr(w http.ResponseWriter, r *http.Request) {
	export, err := h.client.ExportTunnel(r.Context(), tunnel.Name(r.PathValue("name")))
	if refused, ok := errors.AsType[*api.Error](err); ok {
		writeJSON(w, statusOf(refused.Code), refused)
		return
	}
	if err != nil {
		unreachable(w, r, err, h.log)
		return
	}
	code, err := qr.Encode(forPhone(export.Text), qr.L)
	if err != nil {
		refuse(http.StatusRequestEntityTooLarge, api.TooLarge, "This configuration is too long for a QR code.", "Export it as a file.").write(w)
		return
	}
	writeJSON(w, http.StatusOK, draw(code))
}

// forPhone leaves out what only computers know: the apps for phones refuse a whole
// configuration for one key that they do not know. A text that cannot be read is
// left as it is.
func forPhone(text string) string {
	c, err := tunnel.Parse([]byte(text))
	if err != nil {
		return text
	}
	i := &c.Interface
	i.Table, i.FwMark, i.SaveConfig = "", 0, false
	i.PreUp, i.PostUp, i.PreDown, i.PostDown = nil, nil, nil, nil
	return c.Render()
}

func draw(code *qr.Code) qrView {
	view := qrView{Schema: api.Schema, Size: code.Size}
	for y := range code.Size {
		var row strings.Builder
		for x := range code.Size {
			if code.Black(x, y) {
				row.WriteByte('1')
			} else {
				row.WriteByte('0')
			}
		}
		view.Rows = append(view.Rows, row.String())
	}
	return view
}

// statusOf is the HTTP status of a code of the service's.
func statusOf(code api.Code) int {
	if status, known := statuses[code]; known {
		return status
	}
	return http.StatusInternalServerError
}

var statuses = map[api.Code]int{
	api.Conflict:     http.StatusConflict,
	api.Invalid:      http.StatusBadRequest,
	api.NotFound:     http.StatusNotFound,
	api.NotPermitted: http.StatusForbidden,
	api.TooLarge:     http.StatusRequestEntityTooLarge,
	api.Unavailable:  http.StatusServiceUnavailable,
}
