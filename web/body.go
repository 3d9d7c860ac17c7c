package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"holdfast/web/api"
)

const (
	// smallBody is the longest body of a request, in bytes, but for those that
	// carry a configuration.
	smallBody = 1 << 10
	// listBody leaves room for a group of many members, or for all settings.
	listBody = 16 << 10
	// configBody leaves room for a configuration of api.MaxConfig bytes of
	// which JSON writes some as six.
	configBody = 1 << 20
	// maxDepth is how deep a body may be nested.
	maxDepth = 4
)

// readBody reads a request's body of at most limit bytes: one JSON object that
// says everything once and nothing else. An empty body is an empty object.
func readBody[T any](w http.ResponseWriter, r *http.Request, limit int64) (T, error) {
	var zero T
	if r.ContentLength > limit {
		return zero, tooLarge(limit)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err != nil {
		return zero, refuse(api.Invalid, "The request ended early.", "")
	}
	if int64(len(body)) > limit {
		return zero, tooLarge(limit)
	}
	// What the verb does may take longer than sending it.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	return decodeBody[T](body)
}

func tooLarge(limit int64) error {
	return refuse(api.TooLarge, fmt.Sprintf("The request is longer than %d bytes.", limit), "")
}

// decodeBody reads a body strictly: what package json would overlook (a key
// twice, or in other letters, or one that is not known; bytes that are no text;
// a second value) is refused.
func decodeBody[T any](body []byte) (T, error) {
	var into T
	if len(body) == 0 {
		body = []byte("{}")
	}
	if !utf8.Valid(body) {
		return into, refuse(api.Invalid, "The request is not UTF-8.", "")
	}
	if err := checkKeys(body, keysOf(reflect.TypeFor[T]())); err != nil {
		return into, refuse(api.Invalid, "The request is not valid: "+err.Error()+".", "")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&into); err != nil {
		var zero T
		return zero, refuse(api.Invalid, "The request is not valid: "+wordDecode(err)+".", "")
	}
	return into, nil
}

// wordDecode says what package json found, without its names for our types.
func wordDecode(err error) string {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Sprintf("%q cannot be a %s", e.Field, e.Value)
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

// keysOf are the keys that a body may have. Nil: any.
func keysOf(t reflect.Type) map[string]bool {
	if t.Kind() != reflect.Struct {
		return nil
	}
	keys := map[string]bool{}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		keys[name] = true
	}
	return keys
}

// checkKeys walks one JSON value, which must be an object, and checks what the
// decoder does not. Only the keys of the object itself are compared to known.
func checkKeys(body []byte, known map[string]bool) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return errors.New("it must be one JSON object")
	}
	if err := checkObject(dec, 1, known); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("it must be one JSON object and nothing after it")
	}
	return nil
}

func checkObject(dec *json.Decoder, depth int, known map[string]bool) error {
	seen := map[string]bool{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return malformed(err)
		}
		key, ok := t.(string)
		if !ok {
			return errors.New("a key must be a text")
		}
		// The decoder takes keys in any mix of letters for the same.
		if folded := strings.ToLower(key); seen[folded] {
			return fmt.Errorf("%q is there twice", key)
		} else if seen[folded] = true; known != nil && !known[key] {
			return fmt.Errorf("%q is not known", key)
		}
		if err := checkValue(dec, depth); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return malformed(err)
	}
	return nil
}

func checkValue(dec *json.Decoder, depth int) error {
	t, err := dec.Token()
	if err != nil {
		return malformed(err)
	}
	d, nested := t.(json.Delim)
	if !nested {
		return nil
	}
	if depth >= maxDepth {
		return errors.New("it is nested too deeply")
	}
	if d == '{' {
		return checkObject(dec, depth+1, nil)
	}
	for dec.More() {
		if err := checkValue(dec, depth+1); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return malformed(err)
	}
	return nil
}

func malformed(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("it ends early")
	}
	return fmt.Errorf("it is not JSON: %w", err)
}

// nothing is the body of a verb that needs none.
type nothing struct{}

// readNothing refuses a body that says anything.
func readNothing(w http.ResponseWriter, r *http.Request) error {
	_, err := readBody[nothing](w, r, smallBody)
	return err
}
