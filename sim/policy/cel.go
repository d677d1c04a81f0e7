package policy

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"text/template"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/ext"
)

// celEnv is what every condition is compiled in; each adds its variables, of
// which each is a [Fact].
var celEnv = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(ext.Strings(), ext.NativeTypes(ext.ParseStructTag("cel"), reflect.TypeFor[Fact]()))
})

// condition is a compiled CEL expression that is true or false.
type condition struct{ program cel.Program }

// compileCondition compiles an expression over variables.
func compileCondition(source string, vars ...string) (*condition, error) {
	if strings.TrimSpace(source) == "" {
		return nil, fmt.Errorf("a condition is missing")
	}
	env, err := celEnv()
	if err != nil {
		return nil, fmt.Errorf("environment of conditions: %w", err)
	}
	opts := make([]cel.EnvOption, 0, len(vars))
	for _, v := range vars {
		opts = append(opts, cel.Variable(v, cel.ObjectType("policy.Fact")))
	}
	if env, err = env.Extend(opts...); err != nil {
		return nil, fmt.Errorf("environment of conditions: %w", err)
	}
	tree, issues := env.Compile(source)
	if issues.Err() != nil {
		return nil, fmt.Errorf("condition: %w", issues.Err())
	}
	if tree.OutputType() != cel.BoolType {
		return nil, fmt.Errorf("condition %q is a %s: want a bool", source, tree.OutputType())
	}
	program, err := env.Program(tree, cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, fmt.Errorf("condition %q: %w", source, err)
	}
	return &condition{program}, nil
}

// holds evaluates the condition. The facts are those of the variables that it was
// compiled with, by their names.
func (c *condition) holds(facts map[string]any) (bool, error) {
	out, _, err := c.program.Eval(facts)
	if err != nil {
		return false, err
	}
	ok, _ := out.Value().(bool)
	return ok, nil
}

// sentence is a compiled text template.
type sentence struct{ t *template.Template }

// compileSentence compiles a template and tries it out.
func compileSentence(source string) (*sentence, error) {
	if strings.TrimSpace(source) == "" {
		return nil, fmt.Errorf("a sentence is missing")
	}
	t, err := template.New("sentence").Parse(source)
	if err != nil {
		return nil, err
	}
	s := &sentence{t}
	_, err = s.say(&Fact{}, &Fact{})
	return s, err
}

// say fills in the facts.
func (s *sentence) say(event, root *Fact) (string, error) {
	var b strings.Builder
	if err := s.t.Execute(&b, struct{ Event, Root *Fact }{event, root}); err != nil {
		return "", fmt.Errorf("sentence: %w", err)
	}
	return b.String(), nil
}
