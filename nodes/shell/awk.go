package shell

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"demarc/nodes/shell/guard"
)

// awk runs a program of AWK's language, but for getline, pipes and functions of one's own.
// The program is read into functions (awk_parse.go) that work on an [awkRun].
func awk(ctx context.Context, c *Call) int {
	o := c.Options("+F= v= f=")
	names := o.Operands
	text := o.Value("f")
	if text != "" {
		b, err := c.Read(text)
		if err != nil {
			return c.Quit(2, "awk: can't open file %s", text)
		}
		text = string(b)
	} else if len(names) > 0 {
		text, names = names[0], names[1:]
	} else {
		return c.Quit(2, "usage: awk [-F fs][-v var=value][prog | -f progfile][file ...]")
	}
	program, err := parseAWK(text)
	if err != nil {
		return c.Quit(2, "awk: %v", err)
	}
	r := &awkRun{c: c, ctx: ctx, vars: map[string]awkValue{"FS": str(" "), "OFS": str(" "), "ORS": str("\n"), "SUBSEP": str("\x1c"), "RS": str("\n"), "NR": num(0), "FNR": num(0), "NF": num(0), "FILENAME": str("")},
		arrays: map[string]map[string]awkValue{}, res: map[string]*regexp.Regexp{}, written: map[string]bool{}}
	r.arrays["ENVIRON"] = map[string]awkValue{}
	for _, pair := range Exported(c.Env) {
		name, value, _ := strings.Cut(pair, "=")
		r.arrays["ENVIRON"][name] = input(value)
	}
	if o.Has("F") {
		r.vars["FS"] = str(unescape(o.Value("F")))
	}
	for _, v := range o.All("v") {
		name, value, _ := strings.Cut(v, "=")
		r.vars[name] = input(unescape(value))
	}
	code, err := r.run(program, names)
	if err != nil {
		return c.Quit(2, "awk: %v", err)
	}
	return code
}

// awkValue is a number, a text, or a text of the input that may look like a number.
type awkValue struct {
	text   string
	number float64
	isNum  bool
	input  bool
}

func num(f float64) awkValue { return awkValue{number: f, isNum: true} }
func str(s string) awkValue  { return awkValue{text: s} }
func truth(b bool) awkValue  { return num(map[bool]float64{true: 1}[b]) }

// input is a text from outside, which is a number if it looks like one.
func input(s string) awkValue { return awkValue{text: s, input: true} }

func (v awkValue) String() string {
	switch {
	case !v.isNum:
		return v.text
	case v.number == float64(int64(v.number)):
		return strconv.FormatInt(int64(v.number), 10)
	}
	return fmt.Sprintf("%.6g", v.number)
}

var awkNumeral = regexp.MustCompile(`^\s*[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?`)

// Number is the number that a value begins with.
func (v awkValue) Number() float64 {
	if v.isNum {
		return v.number
	}
	f, _ := strconv.ParseFloat(strings.TrimSpace(awkNumeral.FindString(v.text)), 64) // none is 0
	return f
}

// numeric says whether a value is compared as a number.
func (v awkValue) numeric() bool {
	return v.isNum || v.input && strings.TrimSpace(v.text) != "" && strings.TrimSpace(strings.TrimPrefix(v.text, awkNumeral.FindString(v.text))) == ""
}

func (v awkValue) true() bool {
	if v.numeric() {
		return v.Number() != 0
	}
	return v.text != ""
}

// Ways in which statements end otherwise than by coming to their end.
var (
	errNext     = errors.New("next")
	errExit     = errors.New("exit")
	errBreak    = errors.New("break")
	errContinue = errors.New("continue")
)

// awkRun is one run of a program. Its variables are bounded: see [awkRun.grow].
type awkRun struct {
	c       *Call
	ctx     context.Context
	vars    map[string]awkValue
	arrays  map[string]map[string]awkValue
	fields  []string // from $1
	line    string
	code    int
	held    int
	res     map[string]*regexp.Regexp
	written map[string]bool // files
}

// run runs BEGIN, then the program for each line, then END.
func (r *awkRun) run(p *awkProgram, names []string) (int, error) {
	err := r.all(p.begin)
	if err == nil && len(p.rules)+len(p.end) > 0 {
		err = r.lines(p, names)
	}
	if !errors.Is(err, errExit) && err != nil {
		return 0, err
	}
	if err := r.all(p.end); err != nil && !errors.Is(err, errExit) {
		return 0, err
	}
	return r.code, nil
}

func (r *awkRun) lines(p *awkProgram, names []string) error {
	inside := make([]bool, len(p.rules))
	for _, name := range inputs(names) {
		if v, value, ok := strings.Cut(name, "="); ok && awkName.MatchString(v) {
			r.vars[v] = input(value)
			continue
		}
		lines, err := r.c.readLines(name)
		if err != nil {
			r.code = r.c.Quit(2, "awk: %s: %s", name, Reason(err))
			continue
		}
		r.vars["FILENAME"], r.vars["FNR"] = str(name), num(0)
		for _, l := range lines {
			if err := r.take(p, l, inside); err != nil {
				return err
			}
			if r.c.Stopped() {
				return errExit
			}
		}
	}
	return nil
}

// take runs the program for a line.
func (r *awkRun) take(p *awkProgram, line string, inside []bool) error {
	release, err := r.c.holdFields(line)
	if err != nil {
		return err
	}
	defer release()
	r.vars["NR"], r.vars["FNR"] = num(r.vars["NR"].Number()+1), num(r.vars["FNR"].Number()+1)
	r.setLine(line)
	for i, rule := range p.rules {
		ok, err := r.fits(rule, &inside[i])
		if err == nil && ok {
			err = rule.action(r)
		}
		if errors.Is(err, errNext) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fits says whether a rule is for the line; inside is whether the line is within its range.
func (r *awkRun) fits(rule awkRule, inside *bool) (bool, error) {
	if rule.from == nil {
		return true, nil
	}
	if !*inside {
		v, err := rule.from(r)
		if err != nil || !v.true() {
			return false, err
		}
	}
	if rule.to == nil {
		return true, nil
	}
	v, err := rule.to(r)
	*inside = err == nil && !v.true()
	return true, err
}

func (r *awkRun) all(actions []awkStmt) error {
	for _, a := range actions {
		if err := a(r); err != nil {
			return err
		}
	}
	return nil
}

// step pays for a statement or a round of a loop.
func (r *awkRun) step() error { return r.c.Shell.process.Meter.SpendAll(r.ctx, 0.02) }

// maxVariable bounds what all variables of a program hold, in bytes.
const maxVariable = 8 << 20

// grow pays for a text that a variable gets.
func (r *awkRun) grow(n int) error {
	if n > maxText {
		return guard.ErrMemory
	}
	if r.held += n + lineSize; r.held > maxVariable {
		// What is overwritten counts no more.
		r.held = 0
		for name, v := range r.vars {
			r.held += len(name) + len(v.text) + lineSize
		}
		for _, a := range r.arrays {
			for k, v := range a {
				r.held += len(k) + len(v.text) + 4*lineSize
			}
		}
		if r.held > maxVariable/2 {
			return guard.ErrMemory
		}
	}
	return nil
}

func (r *awkRun) setLine(line string) {
	r.line, r.fields = line, r.split(line, r.vars["FS"].text)
	r.vars["NF"] = num(float64(len(r.fields)))
}

// split takes a text apart as FS says.
func (r *awkRun) split(s, sep string) []string {
	switch {
	case sep == " ":
		return strings.Fields(s)
	case s == "":
		return nil
	case len(sep) <= 1:
		return strings.Split(s, sep)
	}
	re, err := r.regexp(sep)
	if err != nil {
		return []string{s}
	}
	return re.Split(s, -1)
}

func (r *awkRun) field(n int) awkValue {
	switch {
	case n == 0:
		return input(r.line)
	case n > 0 && n <= len(r.fields):
		return input(r.fields[n-1])
	}
	return awkValue{input: true}
}

// maxFields bounds the fields that a program makes.
const maxFields = 10_000

func (r *awkRun) setField(n int, v awkValue) error {
	if n < 0 || n > maxFields {
		return fmt.Errorf("trying to access out of range field %d", n)
	}
	if err := r.grow(len(v.String())); err != nil {
		return err
	}
	if n == 0 {
		r.setLine(v.String())
		return nil
	}
	for len(r.fields) < n {
		r.fields = append(r.fields, "")
	}
	r.fields[n-1] = v.String()
	r.vars["NF"] = num(float64(len(r.fields)))
	return r.join()
}

// join makes the line anew of its fields.
func (r *awkRun) join() error {
	size, sep := 0, r.vars["OFS"].String()
	for _, f := range r.fields {
		size += len(f) + len(sep)
	}
	if size > maxText {
		return guard.ErrMemory
	}
	r.line = strings.Join(r.fields, sep)
	return nil
}

func (r *awkRun) set(name string, v awkValue) error {
	if err := r.grow(len(v.text)); err != nil {
		return err
	}
	r.vars[name] = v
	if name == "NF" {
		n := int(v.Number())
		if n < 0 || n > maxFields {
			return errors.New("cannot set NF to that")
		}
		for len(r.fields) < n {
			r.fields = append(r.fields, "")
		}
		r.fields = r.fields[:n]
		return r.join()
	}
	return nil
}

// regexp compiles an expression, and remembers it.
func (r *awkRun) regexp(text string) (*regexp.Regexp, error) {
	if re := r.res[text]; re != nil {
		return re, nil
	}
	re, err := guard.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("syntax error in regular expression %s", text)
	}
	if len(r.res) < 50 {
		r.res[text] = re
	}
	return re, nil
}

// matches says whether a text has the expression.
func (r *awkRun) matches(text, expr string) (bool, error) {
	re, err := r.regexp(expr)
	if err == nil {
		err = r.c.match(re, []string{text})
	}
	if err != nil {
		return false, err
	}
	return re.MatchString(text), nil
}

// write prints to a file, or to one of the standard streams; the first time a file is begun
// anew unless it is added to.
func (r *awkRun) write(text, file string, add bool) error {
	if file == "" || file == "/dev/stdout" {
		_, err := r.c.Out.Write([]byte(text))
		if err != nil {
			return errExit // the reader has ended
		}
		return nil
	}
	full := r.c.Path(file)
	if d, ok := deviceOf(full, r.c.Out, r.c.Err); ok {
		_, _ = d.Write([]byte(text)) // nobody asks
		return nil
	}
	err := r.c.Shell.Write(r.c.User, full, []byte(text), add || r.written[full])
	r.written[full] = true
	if err != nil {
		return fmt.Errorf("can't redirect to %s (%s)", file, Reason(err))
	}
	return nil
}

// unescape replaces the escapes of a text.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	return strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\t`, "\t", `\r`, "\r", `\"`, `"`, `\/`, "/", `\a`, "\a", `\033`, "\x1b").Replace(s)
}
