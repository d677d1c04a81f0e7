package api

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"demarc/sim/timeline"
)

// Route is a row of the table of [Actions], taken apart.
type Route struct {
	// Name is the action's, Method and Path are as in the patterns of [http.ServeMux].
	Name, Method, Path string
	// Params are the names of the arguments in the path, and Query those in the query.
	Params, Query []string
	// Args are the types of Params and Query together, Request that of the request and
	// Answer that of the answer; nil if there is none.
	Args            []reflect.Type
	Request, Answer reflect.Type
	// Roles may ask for it; the first of them is whose it is.
	Roles []Role
	// Action says in a refusal what it is, Because why not everybody may, and Subject what
	// it is about on the timeline.
	Action, Because, Subject string
	// Needs are the fields of the request that must be there.
	Needs []string
	// Timeout is for how long an answer is waited for, in real time; 0 for as long as it
	// takes.
	Timeout time.Duration

	field int // of Actions
}

// promptTimeout bounds most requests. An engine answers within milliseconds; one that is
// busy with a thousand nodes within seconds.
const promptTimeout = 30 * time.Second

// Routes are the rows of the table of [Actions].
var Routes = sync.OnceValue(func() (all []*Route) {
	for i := range reflect.TypeFor[Actions]().NumField() {
		all = append(all, newRoute(i, reflect.TypeFor[Actions]().Field(i)))
	}
	return all
})

// Refusing are actions that all answer with an error.
func Refusing(err error) (a Actions) {
	for _, r := range Routes() {
		r.set(&a, func(context.Context, []reflect.Value) (answer reflect.Value, _ error) { return answer, err })
	}
	return a
}

func newRoute(i int, f reflect.StructField) *Route {
	r := &Route{Name: f.Name, field: i, Action: f.Tag.Get("action"), Roles: Roles, Needs: list(f.Tag.Get("needs"), ",")}
	address, query, _ := strings.Cut(f.Tag.Get("route"), "?")
	r.Method, r.Path, _ = strings.Cut(address, " ")
	for part := range strings.SplitSeq(r.Path, "{") {
		if name, _, ok := strings.Cut(part, "}"); ok {
			r.Params = append(r.Params, name)
		}
	}
	r.Query = list(query, "&")
	switch role := Role(f.Tag.Get("role")); role {
	case RoleCustomer, RoleProvider:
		r.Roles = []Role{role, RoleDirector}
	case RoleDirector:
		r.Roles = directors
	}
	about := f.Tag.Get("because")
	r.Because, r.Subject = reasons[about], cmp.Or(about, string(r.Roles[0]))
	n := 1 + len(r.Params) + len(r.Query) // the context comes first
	for j := 1; j < n; j++ {
		r.Args = append(r.Args, f.Type.In(j))
	}
	if f.Type.NumIn() > n {
		r.Request = f.Type.In(n)
	}
	if f.Type.NumOut() > 1 {
		r.Answer = f.Type.Out(0)
	}
	if !r.Streams() {
		r.Timeout = promptTimeout
		if own := f.Tag.Get("timeout"); own != "" {
			r.Timeout, _ = time.ParseDuration(own) // a test reads them all
		}
	}
	return r
}

func list(s, separator string) []string {
	return slices.DeleteFunc(strings.Split(s, separator), func(s string) bool { return s == "" })
}

// Pattern is the route as [http.ServeMux] reads it.
func (r *Route) Pattern() string { return r.Method + " " + r.Path }

// Streams says whether the answer goes on until its reader has enough.
func (r *Route) Streams() bool { return r.Answer != nil && r.Answer.Kind() == reflect.Interface }

// Prompt says whether the answer is there as soon as it is found: nothing is waited for
// that takes time in the cluster.
func (r *Route) Prompt() bool { return r.Timeout == promptTimeout }

// Changes says whether asking changes something.
func (r *Route) Changes() bool { return r.Method != http.MethodGet }

// Check refuses a role that may not ask for the route. The error is an [Error].
func (r *Route) Check(role Role) error {
	if slices.Contains(r.Roles, role) {
		return nil
	}
	return refusal(role, r.Action, r.Roles[0], r.Because, fmt.Sprintf("as the %s: demarc --as %[1]s …", r.Roles[0]))
}

// CheckBody checks that a request says what the route takes: one JSON object, with the
// fields that it needs.
func (r *Route) CheckBody(text []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return fmt.Errorf("the request is not one JSON object: %w", err)
	}
	if fields == nil {
		return errors.New("the request is null: want a JSON object")
	}
	for _, name := range r.Needs {
		if value, ok := fields[name]; !ok || string(value) == "null" {
			return fmt.Errorf("the request lacks %q", name)
		}
	}
	return nil
}

// url is the path and query of a request with the arguments given.
func (r *Route) url(args []reflect.Value) string {
	path, query := r.Path, ""
	for i, name := range append(slices.Clone(r.Params), r.Query...) {
		value := fmt.Sprint(args[i])
		if i < len(r.Params) {
			path = strings.Replace(path, "{"+name+"}", url.PathEscape(value), 1)
			continue
		}
		query += "&" + name + "=" + url.QueryEscape(value)
	}
	if query != "" {
		path += "?" + query[1:]
	}
	return path
}

// Call asks for the route's action: with the arguments of the path and of the query, and
// the request. There is no answer if the route has none.
func (r *Route) Call(ctx context.Context, a *Actions, args ...reflect.Value) (answer any, err error) {
	out := reflect.ValueOf(a).Elem().Field(r.field).Call(append([]reflect.Value{reflect.ValueOf(ctx)}, args...))
	err, _ = out[len(out)-1].Interface().(error)
	if r.Answer != nil {
		answer = out[0].Interface()
	}
	return answer, err
}

// Has says whether the route's action can be asked for.
func (r *Route) Has(a *Actions) bool { return !reflect.ValueOf(a).Elem().Field(r.field).IsNil() }

// set makes do the route's action. It returns the answer, or the zero value for none.
func (r *Route) set(a *Actions, do func(ctx context.Context, args []reflect.Value) (reflect.Value, error)) {
	f := reflect.ValueOf(a).Elem().Field(r.field)
	f.Set(reflect.MakeFunc(f.Type(), func(in []reflect.Value) (out []reflect.Value) {
		answer, err := do(in[0].Interface().(context.Context), in[1:])
		if r.Answer != nil {
			if !answer.IsValid() {
				answer = reflect.Zero(r.Answer)
			}
			out = append(out, answer)
		}
		return append(out, reflect.ValueOf(&err).Elem())
	}))
}

// Serve makes the actions of a role: each is the method of its name of a service, after
// check has not refused it. A method takes what it needs of a context, a [Role], and the
// action's arguments in their order; it need not return an error. Actions of which the
// service has no method are nil.
func Serve(service any, role Role, check func(*Route, Role) error) *Actions {
	a := &Actions{}
	for _, r := range Routes() {
		method := reflect.ValueOf(service).MethodByName(r.Name)
		if !method.IsValid() {
			continue
		}
		r.set(a, func(ctx context.Context, args []reflect.Value) (answer reflect.Value, err error) {
			if err := check(r, role); err != nil {
				return answer, err
			}
			if role == RoleDirector {
				ctx = timeline.AskedBy(ctx, string(role))
			}
			var in []reflect.Value
			for i := range method.Type().NumIn() {
				switch method.Type().In(i) {
				case reflect.TypeFor[context.Context]():
					in = append(in, reflect.ValueOf(ctx))
				case reflect.TypeFor[Role]():
					in = append(in, reflect.ValueOf(role))
				default:
					in, args = append(in, args[0]), args[1:]
				}
			}
			for _, v := range method.Call(in) {
				if v.Type() == reflect.TypeFor[error]() {
					err, _ = v.Interface().(error)
				} else {
					answer = v
				}
			}
			return answer, err
		})
	}
	return a
}

//go:embed actions.go
var source string

// Docs are the documentation of the actions, by their names: their comments.
func Docs() map[string]string {
	docs := map[string]string{}
	file, err := parser.ParseFile(token.NewFileSet(), "actions.go", source, parser.ParseComments)
	if err != nil {
		return docs // it was compiled
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if f, ok := n.(*ast.Field); ok && f.Tag != nil {
			docs[f.Names[0].Name] = strings.Join(strings.Fields(f.Doc.Text()), " ")
		}
		return true
	})
	return docs
}
