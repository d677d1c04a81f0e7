package program

import (
	"context"
	"path"
	"strings"
)

// chroot runs a command in another root. Only the node's own file system has a system in it.
func chroot(ctx context.Context, c *call) int {
	if len(c.Args) == 0 {
		return c.Fail("Usage: chroot NEWROOT [PROG ARGS]")
	}
	root := c.Path(c.Args[0])
	if f, err := c.Shell.Stat(root); err != nil || !f.Dir {
		return c.Fail("chroot: can't change root directory to '%s': No such file or directory", c.Args[0])
	}
	if c.spec.NodeRoot == "" || root != path.Clean(c.spec.NodeRoot) {
		return c.Quit(127, "chroot: can't execute '%s': No such file or directory", append(c.Args, "/bin/sh")[1])
	}
	return c.onNode(ctx, c.Args[1:], "chroot: can't change root directory to '"+c.Args[0]+"': Operation not permitted")
}

// nsenter runs a command in the namespaces of a process of the node's: of its first one, or
// not at all.
func nsenter(ctx context.Context, c *call) int {
	args, target := c.Args, ""
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		flag := args[0]
		args = args[1:]
		if flag == "--" {
			break
		}
		switch value, joined := strings.CutPrefix(flag, "--target="); {
		case joined:
			target = value
		case (flag == "-t" || flag == "--target") && len(args) > 0:
			target, args = args[0], args[1:]
		case strings.HasPrefix(flag, "-t"):
			target = flag[2:]
		}
	}
	if target != "1" {
		return c.Fail("nsenter: can't open '/proc/%s/ns/mnt': No such file or directory", target)
	}
	return c.onNode(ctx, args, "nsenter: can't open '/proc/1/ns/mnt': Permission denied")
}

// onNode runs a command, or a shell, on the node itself.
func (c *call) onNode(ctx context.Context, argv []string, denied string) int {
	if c.spec.Node == nil {
		return c.Fail("%s", denied)
	}
	if len(argv) == 0 {
		argv = []string{"bash"}
	}
	in := c.In
	if isShell(path.Base(argv[0])) && c.Shell.Typed != nil {
		in = c.Shell.Typed
	}
	return c.spec.Node(ctx, argv, in, c.Out, c.Err)
}
