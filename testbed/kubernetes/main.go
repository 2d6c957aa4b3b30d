// Command kubernetes is a whole Kubernetes in one file: what the test tiers run, linked once because linking each
// component apart takes four times as long. It is called by the name of a component (a symbolic link) or with that
// name as first argument.
package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	_ "time/tzdata"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"

	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"

	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// components maps a name to what runs it; each reads os.Args and answers the exit code.
var components = map[string]func() int{
	"etcd":                    func() int { etcdmain.Main(os.Args); return 0 },
	"coredns":                 serveNames,
	"volume-provisioner":      provideVolumes,
	"kube-apiserver":          command(apiserver.NewAPIServerCommand),
	"kube-controller-manager": command(controllers.NewControllerManagerCommand),
	"kube-scheduler":          command(func() *cobra.Command { return scheduler.NewSchedulerCommand() }),
	"kube-proxy":              command(proxy.NewProxyCommand),
	"kubelet":                 command(func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) }),
}

func command(of func() *cobra.Command) func() int {
	return func() int { return cli.Run(of()) }
}

func init() {
	// The kernel sends the signal of endWithParent as long as the thread that asked for it lives.
	runtime.LockOSThread()
}

// endWithParent has the kernel kill this process when a test run that was killed itself cannot stop it any more.
func endWithParent() {
	parent := os.Getppid()
	_, _, failure := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0)
	if failure != 0 {
		fmt.Fprintln(os.Stderr, "cannot end with the parent:", failure)
		os.Exit(1)
	}
	if os.Getppid() != parent {
		os.Exit(1)
	}
}

func main() {
	if os.Getenv("END_WITH_PARENT") == "1" {
		endWithParent()
	}
	run, known := components[filepath.Base(os.Args[0])]
	if !known && len(os.Args) > 1 {
		os.Args = os.Args[1:]
		run, known = components[os.Args[0]]
	}
	if !known {
		names := slices.Sorted(maps.Keys(components))
		fmt.Fprintf(os.Stderr, "usage: kubernetes %s [flags]\n", strings.Join(names, "|"))
		os.Exit(2)
	}
	os.Exit(run())
}
