package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/hosts"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/log"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/reload"
	_ "github.com/coredns/coredns/plugin/template"
)

// serveNames runs CoreDNS with the few plugins that a cluster without a way out needs. A query passes them in this
// order, so that template answers what kubernetes does not know.
func serveNames() int {
	dnsserver.Directives = []string{
		"reload", "bind", "health", "ready", "log", "errors", "cache", "hosts", "kubernetes", "template",
	}
	coremain.Run()
	return 0
}
