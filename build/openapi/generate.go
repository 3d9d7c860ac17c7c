package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"holdfast/web"
	"holdfast/web/api"
)

// object is a JSON object; package json writes its keys sorted.
type object = map[string]any

var inPath = regexp.MustCompile(`\{(\w+)\}`)

// generate makes the document; root is the folder of the module.
func generate(root string) ([]byte, error) {
	g := &generator{words: newWords(root), schemas: object{}}
	problem := g.schema(reflect.TypeFor[api.Error]())
	paths := object{}
	for _, r := range web.Rules() {
		path, ok := paths[r.Pattern].(object)
		if !ok {
			path = object{}
			paths[r.Pattern] = path
		}
		path[strings.ToLower(r.Method)] = g.operation(r, problem)
	}
	if g.words.err != nil {
		return nil, fmt.Errorf("read comments: %w", g.words.err)
	}
	doc, err := json.MarshalIndent(object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Holdfast", "version": "1", "license": object{"name": "MIT"},
			"description": "The API of the Holdfast service, on its socket or pipe. x-role is the least role that may use a verb.",
		},
		"servers":    []object{{"url": "http://" + api.Host, "description": "The Host header must be this; the connection is the socket's."}},
		"paths":      paths,
		"components": object{"schemas": g.schemas},
	}, "", " ")
	if err != nil {
		return nil, fmt.Errorf("write document: %w", err)
	}
	return append(doc, '\n'), nil
}

type generator struct {
	words   *words
	schemas object
}

func (g *generator) operation(r web.Rule, problem object) object {
	parameters := []object{}
	for _, m := range inPath.FindAllStringSubmatch(r.Pattern, -1) {
		kind := "string"
		if m[1] == "id" {
			kind = "integer"
		}
		parameters = append(parameters, object{"name": m[1], "in": "path", "required": true, "schema": object{"type": kind}})
	}
	for _, p := range r.Query {
		parameters = append(parameters, object{"name": p.Name, "in": "query", "description": p.Help, "schema": object{"type": p.Type}})
	}
	content, reply := "application/json", object{}
	if r.Content != "" {
		content = r.Content
	}
	if r.Reply != nil {
		reply = object{"schema": g.schema(reflect.TypeOf(r.Reply))}
	}
	op := object{
		"summary": r.Summary, "x-role": r.Role.String(),
		"responses": object{
			"2XX":     object{"description": "Done.", "content": object{content: reply}},
			"default": object{"description": "Refused or failed.", "content": object{"application/json": object{"schema": problem}}},
		},
	}
	if len(parameters) > 0 {
		op["parameters"] = parameters
	}
	if r.Body != nil {
		op["requestBody"] = object{"required": true, "content": object{"application/json": object{"schema": g.schema(reflect.TypeOf(r.Body))}}}
	}
	return op
}

// schema describes a type, and adds the structs it names to the components.
func (g *generator) schema(t reflect.Type) object {
	if t.PkgPath() == "time" && t.Name() == "Time" {
		return object{"type": "string", "format": "date-time"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return object{"anyOf": []object{g.schema(t.Elem()), {"type": "null"}}}
	case reflect.Struct:
		return g.reference(t)
	case reflect.Slice:
		return object{"type": "array", "items": g.schema(t.Elem())}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": g.schema(t.Elem())}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer"}
	case reflect.Uint16, reflect.Uint64:
		return object{"type": "integer", "minimum": 0}
	case reflect.String:
		s := object{"type": "string"}
		if values := g.words.values(t); len(values) > 0 {
			s["enum"] = values
		}
		return s
	case reflect.Interface:
		return object{}
	default:
		panic("a type of the API that JSON has no word for: " + t.String())
	}
}

// reference describes a struct once and points to it.
func (g *generator) reference(t reflect.Type) object {
	name := t.Name()
	if pkg := t.PkgPath(); pkg != reflect.TypeFor[api.Error]().PkgPath() {
		pkg = pkg[strings.LastIndex(pkg, "/")+1:]
		name = strings.ToUpper(pkg[:1]) + pkg[1:] + name
	}
	if _, known := g.schemas[name]; !known {
		s := object{}
		g.schemas[name] = s // before its fields, which may name it again
		required := []string{}
		properties := object{}
		g.fields(t, properties, &required)
		s["type"], s["properties"] = "object", properties
		if len(required) > 0 {
			s["required"] = required
		}
		if doc := g.words.of(t, ""); doc != "" {
			s["description"] = doc
		}
	}
	return object{"$ref": "#/components/schemas/" + name}
}

// fields describes the fields of a struct, those of embedded ones among them.
func (g *generator) fields(t reflect.Type, properties object, required *[]string) {
	for f := range t.Fields() {
		if f.Anonymous {
			g.fields(f.Type, properties, required)
			continue
		}
		name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		s := g.schema(f.Type)
		if doc := g.words.of(t, f.Name); doc != "" {
			s["description"] = doc
		}
		properties[name] = s
		if !strings.Contains(rest, "omit") {
			*required = append(*required, name)
		}
	}
}
