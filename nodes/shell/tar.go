package shell

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"
)

// tarball is tar: it knows c, x and t with f, z, v and C. kubectl cp copies by it.
func tarball(ctx context.Context, c *Call) int {
	args := c.Args
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		c.Args = append([]string{"-" + args[0]}, args[1:]...) // the old way: tar xzf FILE
	}
	o := c.Options("f,file= C,directory= c,create x,extract,get t,list z,gzip v,verbose exclude= X= T=")
	file, dir := o.Value("f"), o.Value("C")
	if file == "" {
		file = "-"
	}
	switch {
	case o.Has("c"):
		return c.pack(file, dir, o)
	case o.Has("x"), o.Has("t"):
		return c.unpack(ctx, file, dir, o)
	}
	return c.Fail("%s", c.say("tar: You must specify one of the '-Acdtrux', '--delete' or '--test-label' options\nTry 'tar --help' for more information.", "tar: need at least one option"))
}

// pack makes an archive.
func (c *Call) pack(file, dir string, o *Options) int {
	var b bytes.Buffer
	to := io.Writer(&b)
	if file == "-" {
		to = c.Out
	}
	var zip *gzip.Writer
	if o.Has("z") {
		zip = gzip.NewWriter(to)
		to = zip
	}
	w := tar.NewWriter(to)
	code := 0
	if dir != "" {
		c.Dir = c.Path(dir)
	}
	for _, name := range o.Operands {
		if _, err := c.Stat(name); err != nil {
			code = c.Quit(2, c.say("tar: %s: Cannot stat: %s", "tar: %s: %s"), name, Reason(err))
			continue
		}
		c.Walk(name, 20, func(one string, f File) {
			if err := c.packOne(w, one, f); err != nil && code == 0 {
				code = c.Quit(2, "tar: %s: %s", one, Reason(err))
			}
			if o.Has("v") {
				c.Fail("%s", strings.TrimPrefix(one, "/"))
			}
		})
	}
	err := w.Close()
	if zip != nil {
		err = errors.Join(err, zip.Close())
	}
	if err == nil && file != "-" {
		err = c.Shell.Write(c.User, c.Path(file), b.Bytes(), false)
	}
	if err != nil {
		return c.Quit(2, "tar: %s: %s", file, Reason(err))
	}
	return code
}

func (c *Call) packOne(w *tar.Writer, name string, f File) error {
	h := &tar.Header{Name: strings.TrimPrefix(name, "/"), Mode: int64(f.Mode.Perm()), ModTime: f.ModTime, Typeflag: tar.TypeReg, Uname: Root, Gname: Root}
	if f.Dir {
		h.Typeflag, h.Name = tar.TypeDir, strings.TrimSuffix(h.Name, "/")+"/"
		return w.WriteHeader(h)
	}
	if f.Size > MaxRead {
		return nil // nobody has written what is in it
	}
	b, err := c.Read(name)
	if err != nil {
		return err
	}
	h.Size = int64(len(b))
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}

// unpack takes an archive apart, or lists it.
func (c *Call) unpack(ctx context.Context, file, dir string, o *Options) int {
	from := c.In
	if file != "-" {
		b, err := c.Read(file)
		if err != nil {
			return c.Quit(2, c.say("tar: %s: Cannot open: %s", "tar: can't open '%s': %s"), file, Reason(err))
		}
		from = bytes.NewReader(b)
	}
	if from == nil {
		from = strings.NewReader("")
	}
	into := c.Dir
	if dir != "" {
		into = c.Path(dir)
	}
	if f, err := c.Shell.Stat(into); err != nil || !f.Dir {
		return c.Quit(2, c.say("tar: %s: Cannot open: No such file or directory", "tar: can't change directory to '%s': No such file or directory"), dir)
	}
	if o.Has("z") || strings.HasSuffix(file, ".gz") || strings.HasSuffix(file, ".tgz") {
		zip, err := gzip.NewReader(from)
		if err != nil {
			return c.Quit(2, "tar: invalid gzip magic")
		}
		from = zip
	}
	r := tar.NewReader(from)
	for {
		h, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return 0
		case err != nil:
			return c.Quit(2, "%s", c.say("tar: This does not look like a tar archive", "tar: invalid tar magic"))
		case c.Shell.process.Meter.SpendAll(ctx, 1) != nil:
			return c.Shell.Interrupted()
		}
		if o.Has("v") || o.Has("t") {
			c.Printf("%s\n", h.Name)
		}
		if o.Has("t") {
			continue
		}
		if err := c.unpackOne(ctx, r, h, path.Join(into, path.Clean("/"+h.Name))); err != nil {
			return c.Quit(2, "tar: %s: %s", h.Name, Reason(err))
		}
	}
}

func (c *Call) unpackOne(ctx context.Context, r io.Reader, h *tar.Header, full string) error {
	f, err := c.Shell.Stat(full)
	switch {
	case h.Typeflag == tar.TypeDir && err == nil && f.Dir:
		return nil
	case h.Typeflag == tar.TypeDir:
		return c.makeDir(full, true)
	case h.Typeflag != tar.TypeReg:
		return nil // there are no links
	}
	b, err := c.memory.ReadAll(ctx, r)
	if err != nil {
		return err
	}
	if up := path.Dir(full); up != "/" {
		if _, err := c.Shell.Stat(up); errors.Is(err, fs.ErrNotExist) {
			if err := c.makeDir(up, true); err != nil {
				return err
			}
		}
	}
	return c.Shell.Write(c.User, full, b, false)
}

// gzipped is gzip, gunzip and zcat.
func gzipped(ctx context.Context, c *Call) int {
	o := c.Options("c,stdout d,decompress k,keep")
	unpack, out := c.Name != "gzip" || o.Has("d"), c.Name == "zcat" || o.Has("c")
	for _, name := range inputs(o.Operands) {
		b, err := c.Read(name)
		if err != nil {
			return c.Problem(name, err)
		}
		var made bytes.Buffer
		to := strings.TrimSuffix(name, ".gz")
		if unpack {
			r, err := gzip.NewReader(bytes.NewReader(b))
			if err != nil {
				return c.Fail("%s: %s: not in gzip format", c.Name, name)
			}
			text, err := c.memory.ReadAll(ctx, r)
			if err != nil {
				return c.Fail("%s: %s: unexpected end of file", c.Name, name)
			}
			made.Write(text)
		} else {
			to = name + ".gz"
			w := gzip.NewWriter(&made)
			_, _ = w.Write(b) // it goes to memory
			_ = w.Close()
		}
		if out || name == "-" {
			_, _ = c.Out.Write(made.Bytes()) // ends when the reader does
			continue
		}
		if err = c.Shell.Write(c.User, c.Path(to), made.Bytes(), false); err == nil && !o.Has("k") {
			err = c.Shell.Remove(c.User, c.Path(name), false)
		}
		if err != nil {
			return c.Problem(to, err)
		}
	}
	return 0
}
