package server

import (
	"encoding/json"
	"net/http"
	"path"
	"reflect"
	"strings"

	"demarc/sim/api"

	"github.com/danielgtaylor/huma/v2"
)

// OpenAPI is the table of the management API as a document of OpenAPI 3.1.
func OpenAPI() (json.RawMessage, error) {
	schemas := huma.NewMapRegistry("#/components/schemas/", schemaName)
	for _, t := range []reflect.Type{reflect.TypeFor[api.Rate](), reflect.TypeFor[api.Duration]()} {
		schemas.RegisterTypeAlias(t, reflect.TypeFor[string]())
	}
	content := func(t reflect.Type) map[string]*huma.MediaType {
		switch {
		case t == nil:
			return map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Type: huma.TypeObject}}}
		case t.Kind() == reflect.Interface:
			return map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}}
		case t == reflect.TypeFor[json.RawMessage]():
			return map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{}}}
		case t == reflect.TypeFor[[]byte]():
			return map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: huma.TypeString}}}
		}
		return map[string]*huma.MediaType{"application/json": {Schema: schemas.Schema(t, true, "")}}
	}
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info:    &huma.Info{Title: "demarc's management API", Version: api.Version},
		Components: &huma.Components{
			Schemas:         schemas,
			SecuritySchemes: map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer", Description: "a role's token, from the cluster's data directory"}},
		},
		Security: []map[string][]string{{"token": {}}},
	}
	failed := &huma.Response{Description: "why it was not done", Content: content(reflect.TypeFor[api.Error]())}
	docs := api.Docs()
	for _, r := range api.Routes() {
		op := &huma.Operation{
			OperationID: r.Name, Method: r.Method, Path: r.Path, Description: docs[r.Name],
			Responses:  map[string]*huma.Response{"200": {Description: http.StatusText(http.StatusOK), Content: content(r.Answer)}, "default": failed},
			Extensions: map[string]any{"x-roles": r.Roles},
		}
		for i, t := range r.Args {
			p := &huma.Param{In: "query", Schema: huma.SchemaFromType(schemas, t)}
			if i < len(r.Params) {
				p.Name, p.In, p.Required = r.Params[i], "path", true
			} else {
				p.Name = r.Query[i-len(r.Params)]
			}
			op.Parameters = append(op.Parameters, p)
		}
		if r.Request != nil {
			op.RequestBody = &huma.RequestBody{Required: true, Content: content(r.Request)}
			schemas.SchemaFromRef(schemas.Schema(r.Request, true, "").Ref).Required = r.Needs
		}
		doc.AddOperation(op)
	}
	return json.Marshal(doc)
}

// schemaName is the name of a type's schema. Types of other packages have their package's
// name before their own, as in FaultSpec.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if of := path.Base(t.PkgPath()); t.Name() != "" && of != "api" && of != "." {
		name = strings.ToUpper(of[:1]) + of[1:] + name
	}
	return name
}
