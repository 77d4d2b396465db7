/**
 * Names that hypervisors give to the threads of virtual CPUs. QEMU (`-name debug-threads=on`, which libvirt always gives):
 * `CPU 3/KVM`, under TCG `CPU 3/TCG`; Firecracker: `fc_vcpu 3`; cloud-hypervisor: `vcpu3`; crosvm: `crosvm_vcpu3`.
 */
const VCPU_NAMES = /^(?:CPU (\d+)\/(?:KVM|TCG|HVF)|fc_vcpu ?(\d+)|(?:crosvm_)?vcpu(\d+))$/;

/** Kernel threads that work for one machine and carry the number of its process: `vhost-1234`, `kvm-pit/1234`. */
const HELPER_NAMES = /^(?:vhost-|kvm-pit\/)(\d+)$/;

/** Number of the virtual CPU that a thread called `comm` is; -1 where its name is not one of those that hypervisors give. */
export function vcpuOf(comm: string): number {
  const match = VCPU_NAMES.exec(comm);
  return match === null ? -1 : Number(match[1] ?? match[2] ?? match[3]);
}

/** Process (hypervisor) for which a kernel thread called `comm` works; -1 where its name does not tell. */
export function hypervisorOf(comm: string): number {
  const match = HELPER_NAMES.exec(comm);
  return match === null ? -1 : Number(match[1]);
}
