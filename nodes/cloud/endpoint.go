package cloud

import (
	"net/netip"
	"slices"
)

// Service tags that rules can name beside address prefixes.
const (
	Internet          = "Internet"
	VirtualNetwork    = "VirtualNetwork"
	AzureLoadBalancer = "AzureLoadBalancer"
	AzureCloud        = "AzureCloud"

	containerRegistry = "MicrosoftContainerRegistry"
	frontDoor         = "AzureFrontDoor.FirstParty"
	frontDoorBackend  = "AzureFrontDoor.Backend"
	trafficManager    = "AzureTrafficManager"
	resourceManager   = "AzureResourceManager"
	activeDirectory   = "AzureActiveDirectory"
	platformDNS       = "AzurePlatformDNS"
)

// ServiceTags are the tags that are known, and * for any.
func ServiceTags() []string { return slices.Clone(serviceTags) }

var serviceTags = []string{
	Any, Internet, VirtualNetwork, AzureLoadBalancer, AzureCloud,
	containerRegistry, frontDoor, frontDoorBackend, resourceManager, activeDirectory, platformDNS, trafficManager,
}

// Names of the endpoints that AKS requires.
const (
	APIServer   = "api-server"
	MCR         = "mcr"
	MCRData     = "mcr-data"
	Management  = "management"
	Login       = "login"
	Packages    = "packages"
	AKSPackages = "aks-packages"
	DNS         = "dns"
	NTP         = "ntp"
)

// Endpoint is where packets of a node go to or come from.
type Endpoint struct {
	Name string
	// Host is a name, in which a first label * stands for any.
	Host     string
	Protocol string // Tcp or Udp
	Port     int
	// Tags are the service tags whose addresses are this endpoint's.
	Tags []string
	// Address, if it is known, is what rules with an address prefix look at.
	// Without it only a prefix of all addresses matches.
	Address netip.Addr
	// Platform says that it is a service of the host below the VM, to which only
	// a rule applies that names its tag.
	Platform bool
}

// Required are the endpoints that a node of AKS in a location needs (Microsoft,
// "Outbound network and FQDN rules for AKS clusters").
func Required(location string) []Endpoint {
	web := func(name, host string, tags ...string) Endpoint {
		return Endpoint{Name: name, Host: host, Protocol: "Tcp", Port: 443, Tags: append(tags, Internet)}
	}
	return []Endpoint{
		web(APIServer, "*.hcp."+location+".azmk8s.io", AzureCloud, AzureCloud+"."+location),
		web(MCR, "mcr.microsoft.com", containerRegistry, containerRegistry+"."+location, frontDoor),
		web(MCRData, "*.data.mcr.microsoft.com", containerRegistry, containerRegistry+"."+location, frontDoor),
		web(Management, "management.azure.com", resourceManager, resourceManager+"."+location),
		web(Login, "login.microsoftonline.com", activeDirectory),
		web(Packages, "packages.microsoft.com"),
		web(AKSPackages, "packages.aks.azure.com"),
		// Azure's own resolver, which is the VM's unless its network has another.
		{Name: DNS, Host: "168.63.129.16", Protocol: "Udp", Port: 53, Tags: []string{platformDNS}, Platform: true},
		{Name: NTP, Host: "ntp.ubuntu.com", Protocol: "Udp", Port: 123, Tags: []string{Internet}},
	}
}
