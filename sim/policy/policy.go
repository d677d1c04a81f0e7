// Package policy is the support contract as data, and its judgement: who is
// responsible, is it covered, who mends it, and by which clause.
//
// An [Edition] is the support policy of one date, from a YAML file that is part
// of the program: sections, the owners of components, clauses, rules, duties and
// conditions of support. A [World] is what happened: the timeline with the
// outages, repairs and consents that are derived from it. [Edition.Judge] puts
// the two together; everything else here reads from that, or compares editions.
//
// To judge an event is to follow its causes to the root, to ask who answers for
// the root (controllers and machines are means, not owners), and to take the first
// rule of the edition whose condition holds. Conditions are CEL, compiled and
// type-checked when an edition is loaded. Nothing here waits or knows a clock, and
// a world that grows by events that have nothing to do with an outage leaves its
// judgement as it is.
package policy

import (
	"cmp"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"demarc/sim/api"
	"demarc/sim/fault"
)

// Help is what users read of the contract.
//
//go:embed contract.md
var Help string

// Owners, as clauses, components and judgements name them. A judgement has no
// owner that is shared.
const (
	Provider = api.OwnerProvider
	Customer = api.OwnerCustomer
	Shared   = "shared"
	Upstream = api.OwnerUpstream
)

// Coverages of a [Judgement].
const (
	Covered      = api.Covered
	BestEffort   = api.BestEffort
	NotCovered   = api.NotCovered
	VoidsSupport = api.VoidsSupport
)

// Remedies of a [Judgement]: who mends it.
const (
	Automatic  = api.RemedyAutomatic
	Escalation = api.RemedyEscalation
	ByCustomer = api.RemedyCustomer
	NoRemedy   = api.RemedyNone
)

// Kinds of a [Clause].
const (
	KindPromise   = "promise"
	KindDuty      = "duty"
	KindExclusion = "exclusion"
)

// The results of judgement travel in the management API.
type (
	Clause         = api.Clause
	Judgement      = api.Judgement
	Share          = api.Share
	Supportability = api.Supportability
	Reason         = api.Reason
	Period         = api.Period
	Explanation    = api.Explanation
)

// Edition is the support policy of one date. It is not changed after loading, and
// its methods may be called from any goroutine.
type Edition struct {
	ID     string `yaml:"id" json:"id"`
	Title  string `yaml:"title" json:"title"`
	Date   string `yaml:"date" json:"date"` // 2019-04-01
	Source string `yaml:"source" json:"source"`

	Sections   []Section   `yaml:"sections" json:"sections"`
	Components []Component `yaml:"components" json:"components"`
	Clauses    []Clause    `yaml:"clauses" json:"clauses"`
	Rules      []Rule      `yaml:"rules" json:"rules"`
	Duties     []Duty      `yaml:"duties" json:"duties"`
	Conditions []Condition `yaml:"conditions" json:"conditions"`
}

// Section is a section of the policy as it was published.
type Section struct {
	ID    string `yaml:"id" json:"id"`
	Title string `yaml:"title" json:"title"`
	// German is the heading of the German original; empty if there is none.
	German string `yaml:"german" json:"german,omitempty"`
}

// Heading is the title, with the German one behind it.
func (s Section) Heading() string {
	if s.German == "" {
		return s.Title
	}
	return s.Title + " (" + s.German + ")"
}

// Component is a part of the service or of what runs on it.
type Component struct {
	Name string `yaml:"name" json:"name"`
	// Patterns are of subjects of the timeline: words with *, and /** at the end
	// for whatever follows.
	Patterns []string `yaml:"patterns" json:"patterns"`
	Owner    string   `yaml:"owner" json:"owner"`
	// Managed says that the provider runs it and nobody else may change it.
	Managed bool `yaml:"managed" json:"managed,omitempty"`
	// Clause is the clause that says so.
	Clause string `yaml:"clause" json:"clause"`
}

// Rule judges what its condition holds for, unless an earlier rule did.
type Rule struct {
	ID       string   `yaml:"id" json:"id"`
	When     string   `yaml:"when" json:"when"` // CEL over event and root
	Owner    string   `yaml:"owner" json:"owner"`
	Coverage string   `yaml:"coverage" json:"coverage"`
	Remedy   string   `yaml:"remedy" json:"remedy"`
	Clauses  []string `yaml:"clauses" json:"clauses"`
	// Sentence is a text template over .Event and .Root, each a [Fact].
	Sentence string `yaml:"sentence" json:"sentence"`

	when     *condition
	sentence *sentence
}

// Duty is what the provider owes to outages that are not its own, by when.
type Duty struct {
	ID string `yaml:"id" json:"id"`
	// Of are patterns of what is out, and When is CEL over root: the outages for
	// which it is owed.
	Of   []string `yaml:"of" json:"of"`
	When string   `yaml:"when" json:"when"`
	// Healers are what carries it out: leader, auto-repair, watchdog,
	// control-plane, monitors.
	Healers []string `yaml:"healers" json:"healers,omitempty"`
	// Act is how long after the beginning of the outage the first action is due,
	// and Step how long after one action the next; zero if none is owed. It counts
	// only while a healer is down. Heal is when all must be well, with Slack for
	// how late that may be seen.
	Act   time.Duration `yaml:"act" json:"act,omitempty"`
	Step  time.Duration `yaml:"step" json:"step,omitempty"`
	Heal  time.Duration `yaml:"heal" json:"heal,omitempty"`
	Slack time.Duration `yaml:"slack" json:"slack,omitempty"`
	// Clause promises it, and Says repeats the promise in a few words.
	Clause string `yaml:"clause" json:"clause"`
	Says   string `yaml:"says" json:"says"`

	when *condition
}

// Condition is what a cluster's support depends on.
type Condition struct {
	ID string `yaml:"id" json:"id"`
	// When is CEL over event, and Until over event and later: from the event for
	// which the one holds to the first later one for which the other does. Later
	// ones are of the same subject, of the same node or of a node pool.
	When  string `yaml:"when" json:"when"`
	Until string `yaml:"until" json:"until"`
	// Healed says that it is over, too, when every outage that the event caused is.
	Healed bool `yaml:"healed" json:"healed,omitempty"`
	// State is at-risk or unsupported.
	State  string `yaml:"state" json:"state"`
	Clause string `yaml:"clause" json:"clause"`
	// Sentence and WayBack are text templates over .Event.
	Sentence string `yaml:"sentence" json:"sentence"`
	WayBack  string `yaml:"wayBack" json:"wayBack"`

	when, until       *condition
	sentence, wayBack *sentence
}

// editions are read once, the oldest first. That the program's own files are
// wrong is a mistake that the tests find.
var editions = sync.OnceValues(loadAll)

// Editions returns all editions, the oldest first.
func Editions() []*Edition {
	list, _ := editions()
	return slices.Clone(list)
}

// Lookup returns the edition of that ID. The error names the ones that there are.
func Lookup(id string) (*Edition, error) {
	list, err := editions()
	if err != nil {
		return nil, err
	}
	if e, ok := find(list, func(e *Edition) bool { return e.ID == id }); ok {
		return e, nil
	}
	ids := each(list, func(e *Edition) string { return e.ID })
	return nil, fmt.Errorf("no edition %q of the support policy%s: want %s", id, didYouMean(id, ids), strings.Join(ids, " or "))
}

// Clause returns the clause of that ID.
func (e *Edition) Clause(id string) (Clause, bool) {
	return find(e.Clauses, func(c Clause) bool { return c.ID == id })
}

// Section returns the section of that ID.
func (e *Edition) Section(id string) (Section, bool) {
	return find(e.Sections, func(s Section) bool { return s.ID == id })
}

// each is a text of each item.
func each[T any](list []T, text func(T) string) []string {
	var all []string
	for _, x := range list {
		all = append(all, text(x))
	}
	return all
}

// find is the first item that is so.
func find[T any](list []T, so func(T) bool) (x T, ok bool) {
	if i := slices.IndexFunc(list, so); i >= 0 {
		return list[i], true
	}
	return x, false
}

// didYouMean is a suggestion in brackets, or nothing.
func didYouMean(word string, candidates []string) string {
	if s := suggest(word, candidates); s != "" {
		return fmt.Sprintf(" (did you mean %s?)", s)
	}
	return ""
}

// suggest is the candidate that was probably meant. A word that is part of just
// one candidate finds it.
func suggest(word string, candidates []string) string {
	if word == "" {
		return ""
	}
	if s := fault.Suggest(word, candidates); s != "" {
		return s
	}
	with := slices.DeleteFunc(slices.Clone(candidates), func(c string) bool { return len(word) <= 2 || !strings.Contains(c, strings.ToLower(word)) })
	if len(with) == 0 {
		return ""
	}
	return slices.MinFunc(with, func(a, b string) int { return cmp.Compare(len(a), len(b)) })
}
