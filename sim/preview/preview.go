// Package preview is the catalogue of preview features, as data: what each is, what
// it changes, and in which edition of the support policy it is a preview.
//
// [Catalogue] lists the features of an edition, [Lookup] finds one, and [Require]
// says whether an option may be used. Who has registered what is not known here.
package preview

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"slices"

	"demarc/sim/api"
	"demarc/sim/fault"

	"go.yaml.in/yaml/v3"
)

// Names of the features on which something else depends.
const (
	AuditLog    = "AKSAuditLog"
	KubeProxy   = "KubeProxyConfigurationPreview"
	NRGLockdown = "NRGLockdownPreview"
)

// Stages of a feature.
const (
	Preview   = api.FeaturePreview
	Available = api.FeatureAvailable
)

// Feature is one feature of the catalogue.
type Feature struct {
	Name    string `yaml:"name"`
	Doc     string `yaml:"doc"`
	Changes string `yaml:"changes"`
	Source  string `yaml:"source"`
	// Stages are by edition; the feature does not exist in the others.
	Stages map[string]string `yaml:"stages"`
}

// Help is what users read of previews and feature gates.
//
//go:embed features.md
var Help string

//go:embed catalogue.yaml
var data []byte

var features = mustParse(data)

// mustParse reads the catalogue, which is a part of the program.
func mustParse(data []byte) []Feature {
	list, err := parse(data)
	if err != nil {
		panic(err) // a test sees to it that it never happens
	}
	return list
}

func parse(data []byte) (list []Feature, err error) {
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&list); err != nil {
		return nil, fmt.Errorf("catalogue of preview features: %w", err)
	}
	for _, f := range list {
		for edition, stage := range f.Stages {
			if !slices.Contains(api.Editions, edition) || stage != Preview && stage != Available {
				return nil, fmt.Errorf("catalogue of preview features: %s: stage %q in edition %q", f.Name, stage, edition)
			}
		}
		if f.Name == "" || f.Doc == "" || f.Changes == "" || f.Source == "" || len(f.Stages) == 0 {
			return nil, fmt.Errorf("catalogue of preview features: %+v lacks something", f)
		}
	}
	slices.SortFunc(list, func(a, b Feature) int { return cmp.Compare(a.Name, b.Name) })
	return list, nil
}

// Catalogue lists the features of an edition, by name.
func Catalogue(edition string) []Feature {
	return slices.DeleteFunc(slices.Clone(features), func(f Feature) bool { return f.Stages[edition] == "" })
}

// Lookup finds a feature of an edition, with or without its namespace and in
// whatever case. The error has the code FeatureNotFound.
func Lookup(edition, name string) (Feature, error) {
	f, names, ok := api.FindFeature(Catalogue(edition), name, func(f Feature) string { return f.Name })
	if ok {
		return f, nil
	}
	hint := fmt.Sprintf("demarc feature list has those of edition %s.", edition)
	if meant := fault.Suggest(api.ShortFeature(name), names); meant != "" {
		hint = "Did you mean " + meant + "?"
	}
	return Feature{}, api.Coded("FeatureNotFound", "The feature '%s' could not be found. %s", name, hint)
}

// Require says whether what a feature brings may be used: it is generally
// available in the edition, or registered. The error is AKS's
// (Azure/azure-cli, issue 19385).
func Require(edition, name string, registered bool) error {
	f, err := Lookup(edition, name)
	if err != nil || f.Stages[edition] == Preview && !registered {
		return api.Coded("BadRequest", "Feature %s/%s is not enabled. Please see https://aka.ms/aks/previews for how to enable features.", api.FeatureNamespace, name)
	}
	return nil
}
