package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	core "k8s.io/api/core/v1"
	storage "k8s.io/api/storage/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	// provisioner is the name that storage classes give.
	provisioner = "testbed/directory"
	// Annotations by which the controller manager hands a claim over, and we own a volume.
	claimProvisioner  = "volume.kubernetes.io/storage-provisioner"
	claimNode         = "volume.kubernetes.io/selected-node"
	volumeProvisioner = "pv.kubernetes.io/provisioned-by"
)

// provideVolumes gives every claim of our classes a directory, makes volumes grow with their claims, and removes
// what was released. It compares what is with what is wanted, five times a second, and keeps nothing in mind.
func provideVolumes() int {
	kubeconfig := flag.String("kubeconfig", "", "how to reach the API server")
	root := flag.String("root", "", "directory below which volumes are made")
	flag.Parse()
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	config.QPS, config.Burst = 200, 200
	stop, release := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer release()
	volumes := volumeController{client: kubernetes.NewForConfigOrDie(config), root: *root}
	for {
		pause := 200 * time.Millisecond
		if err := volumes.reconcile(stop); err != nil && stop.Err() == nil {
			fmt.Fprintln(os.Stderr, err)
			pause = time.Second
		}
		select {
		case <-stop.Done():
			return 0
		case <-time.After(pause):
		}
	}
}

type volumeController struct {
	client kubernetes.Interface
	root   string
}

func (c volumeController) reconcile(ctx context.Context) error {
	cached := meta.ListOptions{ResourceVersion: "0"}
	claims, err := c.client.CoreV1().PersistentVolumeClaims("").List(ctx, cached)
	if err != nil {
		return err
	}
	volumes, err := c.client.CoreV1().PersistentVolumes().List(ctx, cached)
	if err != nil {
		return err
	}
	var failures []error
	ours := map[string]*core.PersistentVolume{}
	for i := range volumes.Items {
		volume := &volumes.Items[i]
		if volume.Annotations[volumeProvisioner] != provisioner {
			continue
		}
		ours[volume.Name] = volume
		if volume.Status.Phase == core.VolumeReleased && volume.DeletionTimestamp == nil &&
			volume.Spec.PersistentVolumeReclaimPolicy == core.PersistentVolumeReclaimDelete {
			failures = append(failures, c.remove(ctx, volume.Name))
		}
	}
	for i := range claims.Items {
		claim := &claims.Items[i]
		if claim.Spec.VolumeName != "" {
			if volume, found := ours[claim.Spec.VolumeName]; found {
				failures = append(failures, c.grow(ctx, claim, volume))
			}
			continue
		}
		if _, made := ours[volumeName(claim)]; !made && claim.Annotations[claimProvisioner] == provisioner {
			failures = append(failures, c.provide(ctx, claim))
		}
	}
	return errors.Join(failures...)
}

func volumeName(claim *core.PersistentVolumeClaim) string { return "pvc-" + string(claim.UID) }

// remove deletes the data before the object, so that a crash between the two is repaired by the next round.
func (c volumeController) remove(ctx context.Context, name string) error {
	if err := os.RemoveAll(filepath.Join(c.root, name)); err != nil {
		return err
	}
	return c.client.CoreV1().PersistentVolumes().Delete(ctx, name, meta.DeleteOptions{})
}

// grow plays the resizer of a storage driver and the file system resize of a kubelet in one step.
func (c volumeController) grow(ctx context.Context, claim *core.PersistentVolumeClaim, volume *core.PersistentVolume) error {
	wanted := claim.Spec.Resources.Requests[core.ResourceStorage]
	if claim.Status.Phase != core.ClaimBound {
		return nil
	}
	if wanted.Cmp(volume.Spec.Capacity[core.ResourceStorage]) > 0 {
		grown := volume.DeepCopy()
		grown.Spec.Capacity[core.ResourceStorage] = wanted
		if _, err := c.client.CoreV1().PersistentVolumes().Update(ctx, grown, meta.UpdateOptions{}); err != nil {
			return err
		}
	}
	if wanted.Cmp(claim.Status.Capacity[core.ResourceStorage]) > 0 {
		grown := claim.DeepCopy()
		grown.Status.Capacity[core.ResourceStorage] = wanted
		grown.Status.Conditions = nil
		_, err := c.client.CoreV1().PersistentVolumeClaims(claim.Namespace).UpdateStatus(ctx, grown, meta.UpdateOptions{})
		return err
	}
	return nil
}

// provide makes a volume. Nodes share this machine's disk, so that one of an Immediate class can be mounted on any
// of them, as network storage; one of a WaitForFirstConsumer class stays on the node chosen for the pod, as a disk
// in that node.
func (c volumeController) provide(ctx context.Context, claim *core.PersistentVolumeClaim) error {
	class, err := c.client.StorageV1().StorageClasses().Get(ctx, *claim.Spec.StorageClassName, meta.GetOptions{})
	if err != nil {
		return err
	}
	path := filepath.Join(c.root, volumeName(claim))
	if err := os.MkdirAll(path, 0o777); err != nil {
		return err
	}
	// A hostPath volume is not handed to the pod's group, and the umask applied above.
	if err := os.Chmod(path, 0o777); err != nil {
		return err
	}
	volume := &core.PersistentVolume{
		ObjectMeta: meta.ObjectMeta{
			Name:        volumeName(claim),
			Annotations: map[string]string{volumeProvisioner: provisioner},
		},
		Spec: core.PersistentVolumeSpec{
			AccessModes:                   claim.Spec.AccessModes,
			Capacity:                      core.ResourceList{core.ResourceStorage: claim.Spec.Resources.Requests[core.ResourceStorage]},
			StorageClassName:              class.Name,
			PersistentVolumeReclaimPolicy: reclaimPolicy(class),
			ClaimRef: &core.ObjectReference{
				APIVersion: "v1", Kind: "PersistentVolumeClaim",
				Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
			},
		},
	}
	if node := claim.Annotations[claimNode]; node == "" {
		volume.Spec.HostPath = &core.HostPathVolumeSource{Path: path}
	} else {
		volume.Spec.Local = &core.LocalVolumeSource{Path: path}
		volume.Spec.NodeAffinity = onlyOn(node)
	}
	_, err = c.client.CoreV1().PersistentVolumes().Create(ctx, volume, meta.CreateOptions{})
	return err
}

func reclaimPolicy(class *storage.StorageClass) core.PersistentVolumeReclaimPolicy {
	if class.ReclaimPolicy == nil {
		return core.PersistentVolumeReclaimDelete
	}
	return *class.ReclaimPolicy
}

func onlyOn(node string) *core.VolumeNodeAffinity {
	match := core.NodeSelectorRequirement{Key: core.LabelHostname, Operator: core.NodeSelectorOpIn, Values: []string{node}}
	term := core.NodeSelectorTerm{MatchExpressions: []core.NodeSelectorRequirement{match}}
	return &core.VolumeNodeAffinity{Required: &core.NodeSelector{NodeSelectorTerms: []core.NodeSelectorTerm{term}}}
}
