package desk

import (
	_ "embed"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"demarc/sim/api"

	"go.yaml.in/yaml/v3"
)

//go:embed known.yaml
var knownYAML []byte

//go:embed parties.yaml
var partiesYAML []byte

// known is a known issue with the pattern that finds it.
type known struct {
	api.KnownIssue `yaml:",inline"`
	Component      string `yaml:"component"`
	Symptom        string `yaml:"symptom"`

	symptom *regexp.Regexp
}

// issues is the register of known issues. That the program's own file is wrong is a
// mistake that the tests find.
var issues = sync.OnceValues(func() ([]known, error) {
	var list []known
	if err := yaml.Unmarshal(knownYAML, &list); err != nil {
		return nil, fmt.Errorf("known issues: %w", err)
	}
	for i := range list {
		var err error
		if list[i].symptom, err = regexp.Compile(list[i].Symptom); err != nil {
			return nil, fmt.Errorf("known issue %s: %w", list[i].ID, err)
		}
	}
	return list, nil
})

// fixedIn says whether a version of the project does not have the bug any more.
func (k known) fixedIn(version string) bool {
	return k.Fixed != "" && version != "" && !older(version, k.Fixed)
}

// older says whether version a is before b. Only their leading numbers count.
func older(a, b string) bool { return slices.Compare(numbers(a), numbers(b)) < 0 }

var number = regexp.MustCompile(`\d+`)

func numbers(version string) (list []int) {
	version, _, _ = strings.Cut(version, "-")
	for _, s := range number.FindAllString(version, -1) {
		n, err := strconv.Atoi(s)
		if err != nil {
			return list
		}
		list = append(list, n)
	}
	return list
}

// party is software of a third party.
type party struct {
	Name   string   `yaml:"name"`
	Images []string `yaml:"images"`
	Charts []string `yaml:"charts"`
	Closed bool     `yaml:"closed"`
}

var parties = sync.OnceValues(func() ([]party, error) {
	var list []party
	err := yaml.Unmarshal(partiesYAML, &list)
	return list, err
})

// matter is what the support policy is asked about it.
func (p party) matter() string {
	if p.Closed {
		return "closed-source/" + p.Name
	}
	return "third-party/" + p.Name
}

// partyOfChart is the third party whose chart has that name. One that nobody knows is
// taken for open source.
func partyOfChart(name string) party {
	list, _ := parties()
	for _, p := range list {
		if p.Name == name || slices.Contains(p.Charts, name) {
			return p
		}
	}
	return party{Name: name}
}

// partyOfImage is the third party that an image belongs to, if it is a known one.
func partyOfImage(image string) (party, bool) {
	image, _, _ = strings.Cut(image, "@")
	if i := strings.LastIndex(image, ":"); i > strings.LastIndex(image, "/") {
		image = image[:i]
	}
	list, _ := parties()
	i := slices.IndexFunc(list, func(p party) bool {
		return slices.ContainsFunc(p.Images, func(pattern string) bool { return matches(pattern, image) })
	})
	if i < 0 {
		return party{}, false
	}
	return list[i], true
}

// matches says whether a name fits a pattern whose * is anything, slashes as well.
func matches(pattern, name string) bool {
	flat := strings.NewReplacer("/", "\x00")
	ok, err := path.Match(flat.Replace(pattern), flat.Replace(name))
	return ok && err == nil
}
