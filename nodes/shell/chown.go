package shell

import (
	"context"
	"strconv"
	"strings"
	"syscall"
)

// chown also stands for chgrp: whose a file is, by names or numbers.
func chown(_ context.Context, c *Call) int {
	option := func(a string) bool { return strings.HasPrefix(a, "-") }
	return c.changeFiles(option, func(own, name, shown string, _ File) string {
		if c.Name == "chgrp" {
			return c.unchanged("group", shown, c.Shell.own(c.User, name, Owner{Group: own}))
		}
		return c.unchanged("ownership", shown, c.Shell.own(c.User, name, ownerOf(own)))
	})
}

// ownerOf reads USER, USER:GROUP, :GROUP, or USER: for the group of the same name.
func ownerOf(text string) Owner {
	user, group, both := strings.Cut(text, ":")
	if both && group == "" {
		group = user
	}
	return Owner{user, group}
}

// own changes whose a file is. Only root may, but for who has it, and leaves it so.
func (s *Shell) own(user, name string, to Owner) error {
	files, ok := s.System.(Owners)
	switch {
	case user != Root:
		f, err := s.Stat(name)
		own := strconv.Itoa(s.Group)
		if err != nil || f.Owner.User != user || to.User != "" && to.User != user || to.Group != "" && to.Group != own && to.Group != f.Owner.Group {
			return syscall.EPERM
		}
		return nil
	case !ok:
		return nil
	}
	return files.Chown(user, name, to)
}
