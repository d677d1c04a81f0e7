package program

import (
	"cmp"
	"context"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"demarc/nodes/shell"
	"demarc/sim/clock"
)

// agnhostTool is its programs that come to an end.
func agnhostTool(ctx context.Context, c *call) int {
	name, args := "", c.Args
	if len(args) > 0 {
		name, args = args[0], args[1:]
	}
	switch name {
	case "entrypoint-tester":
		return c.Done("[%s]\n", strings.Join(append([]string{"/" + path.Base(c.Name)}, c.Args...), " "))
	case "mounttest":
		return mounttest(ctx, c, args)
	case "inclusterclient":
		return pollAPIServer(ctx, c, args)
	case "test-service-account-issuer-discovery":
		return discoverIssuer(ctx, c, args)
	case "mtlsclient":
		return mutualClient(ctx, c, args)
	case "connect":
		return connect(ctx, c, args)
	case "logs-generator":
		return generateLogs(ctx, c, args)
	case "dns-suffix":
		return c.resolver("search")
	case "dns-server-list":
		return c.resolver("nameserver")
	case "etc-hosts":
		b, err := c.Read("/etc/hosts")
		if err != nil {
			return c.Problem("/etc/hosts", err)
		}
		return c.Done("%s", b)
	case "", "help", "--help", "--version":
		return c.Done("Usage:\n  app [command]\n")
	}
	if _, ok := agnhostServers[name]; ok {
		clock.Sleep(ctx, shell.MaxSpan)
		return c.Shell.Interrupted()
	}
	return c.Fail("Error: unknown command %q for \"app\"", name)
}

// resolver prints what /etc/resolv.conf has behind a keyword.
func (c *call) resolver(keyword string) int {
	b, err := c.Read("/etc/resolv.conf")
	if err != nil {
		return c.Problem("/etc/resolv.conf", err)
	}
	var words []string
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == keyword {
			words = append(words, f[1:]...)
		}
	}
	return c.Done("%s\n", strings.Join(words, ","))
}

// mounttestOrder is in which order mounttest does what its flags want, whatever theirs is.
var mounttestOrder = []string{"fs_type", "new_file_", "file_mode", "file_perm", "file_content"}

// mounttest tells of the files that its flags name.
func mounttest(ctx context.Context, c *call, args []string) int {
	loop := flag(args, "file_content_in_loop")
	order := func(a string) int {
		name, _, _ := strings.Cut(strings.TrimLeft(a, "-"), "=")
		return slices.IndexFunc(mounttestOrder, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
	}
	slices.SortStableFunc(args, func(a, b string) int { return cmp.Compare(order(a), order(b)) })
	for _, a := range args {
		name, file, _ := strings.Cut(strings.TrimLeft(a, "-"), "=")
		switch name {
		case "file_content":
			b, err := c.Read(file)
			if err != nil {
				c.Printf("error reading file content for %q: open %s: no such file or directory\n", file, file)
				return 1
			}
			c.Printf("content of file %q: %s\n", file, b)
		case "file_mode", "file_perm":
			f, err := c.Stat(file)
			if err != nil {
				c.Printf("error Lstat file %s: no such file or directory\n", file)
				return 1
			}
			mode := f.Mode
			if f.Dir && mode == 0 {
				mode = 0o777
			}
			c.Printf("%s of file %q: %v\n", map[string]string{"file_mode": "mode", "file_perm": "perms"}[name], file, mode)
		case "fs_type":
			c.Printf("mount type of %q: %s\n", file, c.spec.mountOf(c.Path(file)).fileSystem())
		case "new_file_0644", "new_file_0660", "new_file_0666", "new_file_0777":
			const content = "mount-tester new file\n"
			mode, _ := strconv.ParseUint(strings.TrimPrefix(name, "new_file_"), 8, 12) // it is one of those
			err := c.Shell.Write(c.User, c.Path(file), []byte(content), false)
			if err == nil {
				err = c.Shell.Chmod(c.User, c.Path(file), fs.FileMode(mode))
			}
			if err != nil {
				c.Printf("error writing new file %q: %s\n", file, shell.Reason(err))
				return 1
			}
			c.Printf("content of file %q: %s\n", file, content)
		}
	}
	for end := time.Now().Add(time.Duration(number(flag(args, "retry_time"), 180)) * time.Second); loop != "" && time.Now().Before(end); {
		if b, err := c.Read(loop); err == nil {
			c.Printf("content of file %q: %s\n", loop, b)
		} else {
			c.Printf("Error reading file %s: open %s: no such file or directory, retrying\n", loop, loop)
		}
		if !clock.Sleep(ctx, time.Second) {
			return c.Shell.Interrupted()
		}
	}
	return 0
}

func number(s string, otherwise int) int {
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	return otherwise
}

// connect says whether somebody listens.
func connect(ctx context.Context, c *call, args []string) int {
	limit, err := time.ParseDuration(flag(args, "timeout"))
	if err != nil {
		limit = 0
	}
	for _, to := range c.Options("timeout= protocol=").Operands[1:] {
		_, done, err := c.Dial(ctx, "tcp", to, limit)
		done()
		switch name, refused, late := shell.Trouble(err); {
		case err == nil:
		case refused:
			return c.Fail("REFUSED")
		case late:
			return c.Fail("TIMEOUT")
		case name:
			return c.Fail("DNS: %v", err)
		default:
			return c.Fail("OTHER: %v", err)
		}
	}
	return 0
}

// generateLogs logs requests, evenly over a time.
func generateLogs(ctx context.Context, c *call, args []string) int {
	total := number(flag(args, "log-lines-total"), 0)
	span, err := time.ParseDuration(flag(args, "run-duration"))
	if err != nil || total <= 0 || span < 0 {
		return c.Fail("Invalid total number of lines or duration")
	}
	for i := range total {
		now := time.Now().UTC()
		c.Printf("I%s       1 logs_generator.go:76] %d %s /api/v1/namespaces/%s/pods/%x %d\n", now.Format("0102 15:04:05.000000"), i, []string{"GET", "PUT", "POST"}[i%3], []string{"kube-system", "default", "ns"}[i/3%3], 0xabc+i, 200+i%300)
		if c.Stopped() || !clock.Sleep(ctx, span/time.Duration(total)) {
			return c.Shell.Interrupted()
		}
	}
	return 0
}
