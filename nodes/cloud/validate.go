package cloud

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"demarc/sim/api"
	"demarc/sim/fault"
)

// Priorities that a customer's rule can have.
const (
	MinPriority = 100
	MaxPriority = 4096
)

var (
	ruleName   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,78}[A-Za-z0-9_])?$`)
	directions = []string{Inbound, Outbound}
	accesses   = []string{Allow, Deny}
	protocols  = []string{Any, "Tcp", "Udp", "Icmp", "Esp", "Ah"}
)

// validate checks a rule as Azure does, and writes its words as Azure does.
func validate(r api.NSGRule) (api.NSGRule, error) {
	switch {
	case isDefault(r.Name):
		return r, errDefault(r.Name)
	case !ruleName.MatchString(r.Name):
		return r, api.Coded("InvalidResourceName", "Resource name %s is invalid. The name can be up to 80 characters long. "+
			"It must begin with a word character, and it must end with a word character or with '_'. The name may contain word characters or '.', '-', '_'.", r.Name)
	case r.Priority < MinPriority || r.Priority > MaxPriority:
		return r, api.Coded("SecurityRuleInvalidPriority", "Security rule has invalid Priority. Value provided: %d Allowed range %d-%d.", r.Priority, MinPriority, MaxPriority)
	}
	for _, f := range []struct {
		name    string
		value   *string
		allowed []string
	}{
		{"Direction", &r.Direction, directions},
		{"Access", &r.Access, accesses},
		{"Protocol", orAny(&r.Protocol), protocols},
	} {
		word, err := oneOf(f.name, *f.value, f.allowed)
		if err != nil {
			return r, err
		}
		*f.value = word
	}
	if len(r.Ports) == 0 {
		r.Ports = []string{Any}
	}
	r.Ports = slices.Clone(r.Ports)
	for _, p := range r.Ports {
		if _, _, err := portRange(p); err != nil {
			return r, api.Coded("SecurityRuleInvalidPortRange",
				"Security rule has invalid Port range. Value provided: %s. Value should be an integer OR integer range with '-' delimiter. Valid range 0-65535.", p)
		}
	}
	for _, address := range []*string{orAny(&r.Source), orAny(&r.Destination)} {
		if err := checkAddress(address); err != nil {
			return r, err
		}
	}
	return r, nil
}

func orAny(s *string) *string {
	if *s == "" {
		*s = Any
	}
	return s
}

// oneOf finds a word whatever its case.
func oneOf(name, value string, allowed []string) (string, error) {
	i := slices.IndexFunc(allowed, func(s string) bool { return strings.EqualFold(s, value) })
	if i < 0 {
		return "", api.Coded("InvalidRequestFormat", "Security rule has invalid %s. Value provided: %s Allowed values: %s.%s",
			name, value, strings.Join(allowed, ", "), didYouMean(value, allowed))
	}
	return allowed[i], nil
}

// checkAddress checks a prefix or the name of a service tag, and writes the tag
// as Azure does. Regions behind a tag are not known and so not checked.
func checkAddress(s *string) error {
	if p, err := prefix(*s); err == nil && p == p.Masked() {
		return nil
	}
	for _, t := range serviceTags {
		region, regional := cutPrefixFold(*s, t+".")
		switch {
		case strings.EqualFold(*s, t):
			*s = t
			return nil
		case regional && region != "" && !strings.ContainsAny(region, "./ "):
			*s = t + "." + region
			return nil
		}
	}
	return api.Coded("SecurityRuleInvalidAddressPrefix", "Security rule has invalid Address prefix. Value provided: %s%s", *s, didYouMean(*s, serviceTags))
}

// CheckServiceTag checks the name of a service tag, and writes it as Azure does.
func CheckServiceTag(s *string) error {
	if _, err := prefix(*s); err == nil || *s == Any {
		return api.Coded("SecurityRuleInvalidAddressPrefix", "Security rule has invalid Address prefix. Value provided: %s", *s)
	}
	return checkAddress(s)
}

func cutPrefixFold(s, prefix string) (rest string, ok bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

func isDefault(name string) bool {
	return slices.ContainsFunc(DefaultRules(), func(r api.NSGRule) bool { return strings.EqualFold(r.Name, name) })
}

func errDefault(name string) error {
	return api.Coded("InvalidRequest", "%s is a default security rule. Default rules cannot be changed or removed; rules of a lower priority number come before them.", name)
}

func didYouMean(word string, candidates []string) string {
	if s := fault.Suggest(word, candidates); s != "" && s != Any {
		return fmt.Sprintf(" (did you mean %q?)", s)
	}
	return ""
}
