package shell

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"demarc/nodes/shell/guard"
)

var awkProgram = regexp.MustCompile(`^\s*(?:/((?:[^/\\]|\\.)*)/|NR\s*(==|>=|<=|>|<|!=)\s*([0-9]+))?\s*(?:\{\s*print\s*(.*?);?\s*\})?\s*$`)

// awk knows /pattern/ and NR conditions, and print with fields and texts.
func awk(_ context.Context, c *Call) int {
	o := c.Options("F= v=")
	names, sep := o.Operands, o.Value("F")
	if len(names) == 0 {
		return c.Quit(2, "usage: awk [-F fs][-v var=value][prog | -f progfile][file ...]")
	}
	m := awkProgram.FindStringSubmatch(names[0])
	if m == nil {
		return c.Quit(2, "awk: demarc's shell only knows programs such as '/PATTERN/ {print $1, $2}'")
	}
	re, err := guard.Compile(m[1])
	if err != nil {
		return c.Quit(2, "awk: syntax error in regular expression %s", m[1])
	}
	limit, _ := strconv.Atoi(m[3]) // none is no condition
	lines, code := c.Lines(names[1:])
	if err := c.match(re, lines); err != nil {
		return c.Problem("-", err)
	}
	items := awkItem.FindAllStringSubmatch(m[4], -1)
	for i, l := range lines {
		if m[1] != "" && !re.MatchString(l) || m[2] != "" && !compare(i+1, m[2], limit) {
			continue
		}
		release, err := c.holdFields(l)
		if err != nil {
			return c.Problem("-", err)
		}
		fields := strings.Fields(l)
		if sep != "" {
			fields = strings.Split(l, strings.ReplaceAll(sep, `\t`, "\t"))
		}
		text := l
		if strings.TrimSpace(m[4]) != "" {
			text = printed(items, l, fields, i+1)
		}
		release()
		if _, err := fmt.Fprintln(c.Out, text); err != nil {
			break // the reader has ended
		}
	}
	return code
}

func compare(a int, operator string, b int) bool {
	switch operator {
	case "==":
		return a == b
	case "!=":
		return a != b
	case ">":
		return a > b
	case ">=":
		return a >= b
	case "<":
		return a < b
	}
	return a <= b
}

var awkItem = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"|\$\(?(NF|[0-9]+)(?:-([0-9]+))?\)?|(NR|NF)|(,)`)

// printed is what print makes of a line.
func printed(items [][]string, line string, fields []string, number int) string {
	var b strings.Builder
	for _, m := range items {
		if b.Len() > maxText {
			break
		}
		switch {
		case m[2] != "":
			n, err := strconv.Atoi(m[2])
			if err != nil {
				n = len(fields)
			}
			less, _ := strconv.Atoi(m[3]) // none is 0
			if n -= less; n == 0 {
				b.WriteString(line)
			} else if n > 0 && n <= len(fields) {
				b.WriteString(fields[n-1])
			}
		case m[4] == "NR":
			b.WriteString(strconv.Itoa(number))
		case m[4] == "NF":
			b.WriteString(strconv.Itoa(len(fields)))
		case m[5] != "":
			b.WriteByte(' ')
		default:
			b.WriteString(strings.NewReplacer(`\t`, "\t", `\n`, "\n", `\"`, `"`).Replace(m[1]))
		}
	}
	return b.String()
}
