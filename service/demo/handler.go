package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"holdfast/service/lab"
	"holdfast/service/tunnel"
	"holdfast/web/api"
)

// bodyMost is the longest body that is read, in bytes.
const bodyMost = 1 << 10

// view is the reply to every request that is not refused: the lab as it is.
type view struct {
	Schema  int          `json:"schema"`
	Servers []serverView `json:"servers"` // the preferred one first
	Network bool         `json:"network"` // false: it was taken away
	Faults  []faultView  `json:"faults"`  // all there are, the most instructive first
	Outage  outageView   `json:"outage"`
	Story   *Story       `json:"story"` // null: nothing was done yet
}

type serverView struct {
	Name   tunnel.Name `json:"name"`
	Broken []lab.Fault `json:"broken"`
}

type faultView struct {
	Key       lab.Fault `json:"key"`
	Name      string    `json:"name"`
	What      string    `json:"what"`
	Momentary bool      `json:"momentary"`
	// Answer is what Holdfast does about it: "move" away, "renew" the session, or
	// "stay", since the tunnel carries data all the same.
	Answer string `json:"answer"`
}

type outageView struct {
	// SilentMs is for how long no ping has been answered. 0: they are.
	SilentMs int64 `json:"silentMs"`
}

// act is the body of a request that changes the lab. What a route does not need
// must not be there.
type act struct {
	Server tunnel.Name `json:"server"`
	Fault  lab.Fault   `json:"fault"`
	Up     *bool       `json:"up"`
}

// Handler serves the lab to the page below /demo/v1/. It asks nobody who they
// are: what stands before it does.
func (d *Demo) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /demo/v1/lab", func(w http.ResponseWriter, _ *http.Request) {
		d.page.askedAt.Store(time.Now().UnixNano())
		reply(w, http.StatusOK, d.view())
	})
	mux.HandleFunc("POST /demo/v1/break", d.doing(breakStep))
	mux.HandleFunc("POST /demo/v1/heal", d.doing(healStep))
	mux.HandleFunc("POST /demo/v1/network", d.doing(networkStep))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, api.NotFound, fmt.Sprintf("The demo has no %s %s.", r.Method, r.URL.Path), "")
	})
	return mux
}

// doing carries out the step that a body asks for, and replies with the lab.
func (d *Demo) doing(stepOf func(act) (lab.Step, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a, err := readAct(w, r)
		var step lab.Step
		if err == nil {
			step, err = stepOf(a)
		}
		if tooLong, ok := errors.AsType[*http.MaxBytesError](err); ok {
			refuse(w, http.StatusRequestEntityTooLarge, api.TooLarge, fmt.Sprintf("The request is longer than %d bytes.", tooLong.Limit), "")
			return
		}
		if err != nil {
			refuse(w, http.StatusBadRequest, api.Invalid, "The request is not valid: "+err.Error()+".", "")
			return
		}
		err = d.Do(step)
		switch {
		case errors.Is(err, lab.ErrNoSuchServer):
			refuse(w, http.StatusNotFound, api.NotFound, fmt.Sprintf("The lab has no server %q.", step.Server), "")
		case err != nil:
			refuse(w, http.StatusInternalServerError, api.Internal, "That did not work: "+err.Error()+".", "Heal everything and try again.")
		default:
			d.page.did(step)
			reply(w, http.StatusOK, d.view())
		}
	}
}

// readAct reads one JSON object, with no keys but its own.
func readAct(w http.ResponseWriter, r *http.Request) (act, error) {
	var a act
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyMost))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&a); err != nil {
		return a, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return a, errors.New("it must be one JSON object and nothing after it")
	}
	return a, nil
}

func breakStep(a act) (lab.Step, error) {
	if a.Server == "" || a.Fault == "" || a.Up != nil {
		return lab.Step{}, errors.New("it has a server and a fault")
	}
	fault, err := lab.ParseFault(string(a.Fault))
	return lab.Step{Verb: lab.VerbBreak, Server: a.Server, Faults: []lab.Fault{fault}}, err
}

// healStep heals a fault of a server, a server, or everything.
func healStep(a act) (lab.Step, error) {
	step := lab.Step{Verb: lab.VerbHeal, Server: a.Server}
	if a.Up != nil || a.Fault != "" && a.Server == "" {
		return step, errors.New("it has a server and a fault, a server, or neither")
	}
	if a.Fault == "" {
		return step, nil
	}
	fault, err := lab.ParseFault(string(a.Fault))
	step.Faults = []lab.Fault{fault}
	return step, err
}

func networkStep(a act) (lab.Step, error) {
	if a.Up == nil || a.Server != "" || a.Fault != "" {
		return lab.Step{}, errors.New("it says whether the network is up")
	}
	return lab.Step{Verb: lab.VerbNetwork, Up: *a.Up}, nil
}

// view looks at the lab.
func (d *Demo) view() view {
	now := time.Now()
	v := view{
		Schema: api.Schema, Network: d.lab.NetworkUp(), Story: d.teller.last(now),
		Outage: outageView{SilentMs: d.teller.silence(now).Milliseconds()},
	}
	for _, name := range d.Servers() {
		v.Servers = append(v.Servers, serverView{Name: name, Broken: append([]lab.Fault{}, d.Broken(name)...)})
	}
	for _, f := range lab.Faults() {
		v.Faults = append(v.Faults, faultView{Key: f.Key, Name: f.Name, What: f.What, Momentary: f.Momentary, Answer: answerTo(f.Key)})
	}
	return v
}

func refuse(w http.ResponseWriter, status int, code api.Code, message, hint string) {
	reply(w, status, &api.Error{Code: code, Message: message, Hint: hint})
}

func reply(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic("a reply cannot be written as JSON: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // who has gone away does not read it
}
