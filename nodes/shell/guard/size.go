package guard

import (
	"context"
	"io"
	"math"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
)

// elementSize is what an element of a list takes beside its text.
const elementSize = 64

// variableSize is what a variable takes.
func variableSize(v expand.Variable) int64 {
	size := elementSize + int64(len(v.Str)) + listSize(v.List)
	for k, e := range v.Map {
		size += elementSize + int64(len(k)+len(e))
	}
	return size
}

func listSize(list []string) (size int64) {
	for _, s := range list {
		size += elementSize + int64(len(s))
	}
	return size
}

// statement is one that runs, and has said what it takes.
type statement struct {
	outer *statement
	globs int64 // bytes of names that patterns have matched
}

// interpreter is the one that calls a handler. Its parameters are not among the variables
// that handlers see.
func interpreter(h interp.HandlerContext) reflect.Value {
	return reflect.ValueOf(h).FieldByName("runner")
}

// Open opens the files by which a script says what it takes; ok is false for all others.
func (p *Process) Open(ctx context.Context, name string) (f io.ReadWriteCloser, ok bool, err error) {
	h := interp.HandlerCtx(ctx)
	if formula, found := strings.CutPrefix(name, sizeFile); found {
		f, err = p.measured(ctx, h, formula)
		return f, true, err
	}
	if limit, found := strings.CutPrefix(name, substFile); found {
		n, err := strconv.ParseInt(limit, 10, 64)
		if err != nil || n > maxSubst {
			return nil, true, ErrMemory
		}
		return &output{&substituted{process: p, to: h.Stdout, left: n}, func() {}}, true, nil
	}
	return nil, false, nil
}

// measured takes what a statement says that it takes, until it ends.
func (p *Process) measured(ctx context.Context, h interp.HandlerContext, formula string) (io.ReadWriteCloser, error) {
	runner := interpreter(h)
	m := machine{process: p, env: h.Env, params: runner.Elem().FieldByName("Params")}
	n := m.run(formula)
	if n > maxStatement {
		return nil, p.fail(ErrMemory)
	}
	if err := p.bounded(ctx, h.Env, float64(n)/(64<<10)); err != nil {
		return nil, err
	}
	release, err := p.Hold(n)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.globs == nil {
		p.globs = map[uintptr]*statement{}
	}
	key := runner.Pointer()
	st := &statement{outer: p.globs[key]}
	p.globs[key] = st
	return &output{h.Stderr, sync.OnceFunc(func() {
		release()
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.globs[key] = st.outer; st.outer == nil {
			delete(p.globs, key)
		}
	})}, nil
}

// Matched counts a directory that is read for a pattern, with the names that are in it.
func (p *Process) Matched(ctx context.Context, dir string, names int) error {
	if err := p.Meter.SpendAll(ctx, 1+float64(names)/looks); err != nil {
		return err
	}
	p.mu.Lock()
	st := p.globs[interpreter(interp.HandlerCtx(ctx)).Pointer()]
	over := false
	if st != nil {
		st.globs += int64(names+1) * int64(len(dir)+elementSize)
		over = st.globs > maxStatement
	}
	p.mu.Unlock()
	if over {
		return p.fail(ErrMemory)
	}
	return nil
}

// substituted is what a command substitution writes. What is no text is replaced.
type substituted struct {
	process *Process
	mu      sync.Mutex
	to      io.Writer
	left    int64
}

// Write implements [io.Writer].
func (s *substituted) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left -= int64(len(b)); s.left < 0 {
		return 0, s.process.fail(ErrMemory)
	}
	_, err := io.WriteString(s.to, strings.ToValidUTF8(string(b), "\uFFFD"))
	return len(b), err
}

// machine computes a formula.
type machine struct {
	process *Process
	env     expand.Environ
	params  reflect.Value
	set     map[string]int64
	stack   []int64
}

const huge = math.MaxInt64 / 4

func (m *machine) run(formula string) int64 {
	for token := range strings.FieldsSeq(formula) {
		m.step(token)
	}
	if len(m.stack) == 0 {
		return huge
	}
	var sum int64
	for _, n := range m.stack {
		sum = min(huge, sum+n)
	}
	return sum
}

func (m *machine) push(n int64) { m.stack = append(m.stack, min(max(n, 0), huge)) }

func (m *machine) pop() int64 {
	if len(m.stack) == 0 {
		return huge // somebody has written a formula of his own
	}
	n := m.stack[len(m.stack)-1]
	m.stack = m.stack[:len(m.stack)-1]
	return n
}

func (m *machine) step(token string) {
	name := token[1:]
	switch token[0] {
	case '+':
		m.push(m.pop() + m.pop())
	case '*':
		m.push(product(m.pop(), m.pop()))
	case '/':
		by := max(m.pop(), 1)
		m.push(m.pop() / by)
	case '^':
		if k, s := m.pop(), m.pop(); k > 0 {
			m.push(s)
		} else {
			m.push(1)
		}
	case '$':
		m.push(m.size(name))
	case '#':
		m.push(m.parameters())
	case '!':
		m.push(m.largest())
	case '?':
		m.push(m.pattern(name))
	case '=':
		n := m.pop()
		if m.set == nil {
			m.set = map[string]int64{}
		}
		m.set[name] = max(m.set[name], n)
		m.push(n)
	case 'f':
		n := m.pop()
		if m.process.keep(name, n) {
			m.push(0)
		} else {
			m.push(huge)
		}
	default:
		n, err := strconv.ParseInt(token, 10, 64)
		if err != nil {
			n = huge
		}
		m.push(n)
	}
}

func product(a, b int64) int64 {
	if a != 0 && b > huge/a {
		return huge
	}
	return a * b
}

func (m *machine) variable(name string) expand.Variable {
	v := m.env.Get(name)
	if _, target := v.Resolve(m.env); target.IsSet() {
		return target
	}
	return v
}

func (m *machine) size(name string) int64 {
	return variableSize(m.variable(name)) + m.set[name]
}

func (m *machine) parameters() int64 {
	size := int64(elementSize)
	for i := range m.params.Len() {
		size += elementSize + int64(m.params.Index(i).Len())
	}
	return size
}

func (m *machine) largest() int64 {
	size := m.parameters()
	for _, v := range m.env.Each {
		size = max(size, variableSize(v))
	}
	for _, n := range m.set {
		size = max(size, n)
	}
	return size
}

// pattern says whether a value has characters in it that make a pattern look far ahead.
func (m *machine) pattern(name string) int64 {
	if name == "#" {
		for i := range m.params.Len() {
			if strings.ContainsAny(m.params.Index(i).String(), "*(") {
				return 1
			}
		}
		return 0
	}
	v := m.variable(name)
	if strings.ContainsAny(v.Str, "*(") || len(v.List) > 0 || len(v.Map) > 0 || m.set[name] > 0 {
		return 1
	}
	return 0
}

// keep counts a function. Nothing makes it less: whoever writes a formula of his own can
// only pay.
func (p *Process) keep(name string, n int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.functions == nil {
		p.functions = map[string]int64{}
	}
	if more := n - p.functions[name]; more > 0 {
		p.kept = min(huge, p.kept+more)
		p.functions[name] = n
	}
	return p.kept <= maxKept
}
