package program

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"

	"demarc/nodes/network"
)

// recordTypes are the types of records that dig knows by their names.
var recordTypes = []string{"A", "AAAA", "ANY", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT"}

// digging is a command line of dig.
type digging struct {
	network.Question
	short, noQuestion, noAnswer, noComments bool
}

// dig asks the cluster's DNS, and shows what it answers.
func dig(ctx context.Context, c *call) int {
	d, ok := readDig(c.Args)
	if !ok {
		return c.Quit(1, "Invalid option\nUsage:  dig [@global-server] [domain] [q-type] {q-opt}")
	}
	server := cmp.Or(d.Server, network.DNSServiceIP)
	var records []network.Record
	err := error(&net.DNSError{IsTimeout: true})
	if c.spec.Query != nil {
		records, err = c.spec.Query(ctx, d.Question)
	}
	var dns *net.DNSError
	status := "NOERROR"
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		status = "NXDOMAIN"
	case errors.As(err, &dns) && !dns.IsTimeout && dns.UnwrapErr == nil:
		status = "SERVFAIL"
	case err != nil:
		c.Printf(";; communications error to %s#53: timed out\n;; no servers could be reached\n", server)
		return 9
	}
	if d.short {
		for _, r := range records {
			c.Printf("%s\n", r.Data)
		}
		return 0
	}
	name := strings.TrimSuffix(d.Name, ".") + "."
	if len(records) > 0 {
		name = records[0].Name
	}
	if !d.noComments {
		c.Printf("\n; <<>> DiG 9.18.39 <<>> %s\n;; global options: +cmd\n;; Got answer:\n;; ->>HEADER<<- opcode: QUERY, status: %s, id: 4711\n"+
			";; flags: qr aa rd; QUERY: 1, ANSWER: %d, AUTHORITY: 0, ADDITIONAL: 0\n\n", strings.Join(c.Args, " "), status, len(records))
	}
	if !d.noQuestion {
		c.Printf(";; QUESTION SECTION:\n;%s\t\tIN\t%s\n\n", name, d.Type)
	}
	if !d.noAnswer && len(records) > 0 {
		if !d.noComments {
			c.Printf(";; ANSWER SECTION:\n")
		}
		for _, r := range records {
			c.Printf("%s\t%d\tIN\t%s\t%s\n", r.Name, cmp.Or(r.TTL, network.RecordTTL), r.Type, r.Data)
		}
	}
	if !d.noComments {
		c.Printf("\n;; Query time: 1 msec\n;; SERVER: %[1]s#53(%[1]s) (%s)\n\n", server, map[bool]string{true: "TCP", false: "UDP"}[d.TCP])
	}
	return 0
}

// readDig reads a command line of dig: words may come in any order.
func readDig(args []string) (d digging, ok bool) {
	for i := 0; i < len(args); i++ {
		a := args[i]
		on := !strings.HasPrefix(a, "+no")
		next := func() string {
			if i++; i < len(args) {
				return args[i]
			}
			return ""
		}
		switch a {
		case "-x":
			name, err := reverse(next())
			if err != nil {
				return d, false
			}
			d.Name, d.Type = name, "PTR"
			continue
		case "-t":
			d.Type = strings.ToUpper(next())
			continue
		case "-q":
			d.Name = next()
			continue
		case "-p", "-b", "-c":
			next()
			continue
		}
		switch option := strings.TrimPrefix(strings.TrimPrefix(a, "+"), "no"); {
		case strings.HasPrefix(a, "@"):
			d.Server, _ = netip.ParseAddr(a[1:]) // a name is the cluster's own
		case !strings.HasPrefix(a, "+") && strings.HasPrefix(a, "-"): // -4, -6, -u
		case !strings.HasPrefix(a, "+") && slices.Contains(recordTypes, strings.ToUpper(a)):
			d.Type = strings.ToUpper(a)
		case !strings.HasPrefix(a, "+"):
			if !strings.EqualFold(a, "IN") {
				d.Name = a
			}
		case option == "tcp" || option == "vc":
			d.TCP = on
		case option == "search":
			d.Search = on
		case option == "short":
			d.short = on
		case option == "all":
			d.noQuestion, d.noAnswer, d.noComments = !on, !on, !on
		case option == "answer":
			d.noAnswer = !on
		case option == "question":
			d.noQuestion = !on
		case option == "comments":
			d.noComments = !on
		}
	}
	d.Type = cmp.Or(d.Type, "A")
	return d, d.Name != ""
}

// reverse is the name under which DNS has what is known of an address.
func reverse(address string) (string, error) {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return "", err
	}
	labels := strings.Split(ip.String(), ".")
	slices.Reverse(labels)
	return strings.Join(labels, ".") + ".in-addr.arpa", nil
}
