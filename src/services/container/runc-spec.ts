/** The configuration of a container for runc: the OCI runtime specification's config.json, with safe defaults. */
import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { RootedTree } from '../rootfs/rooted-tree.js';
import { InvalidArgumentError } from '../service-errors.js';
import type { ContainerSpec, ProcessSpec } from './runtime.js';

const MAX_PASSWD_BYTES = 2 ** 20;

/** What Docker gives a container, without raw sockets and device nodes. */
const CAPABILITIES = [
  'CAP_AUDIT_WRITE',
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_NET_BIND_SERVICE',
  'CAP_SETFCAP',
  'CAP_SETGID',
  'CAP_SETPCAP',
  'CAP_SETUID',
  'CAP_SYS_CHROOT',
];

const MOUNTS = [
  mount('/proc', 'proc', ['nosuid', 'noexec', 'nodev']),
  mount('/dev', 'tmpfs', ['nosuid', 'strictatime', 'mode=755', 'size=65536k']),
  mount('/dev/pts', 'devpts', ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620']),
  mount('/dev/shm', 'tmpfs', ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k']),
  mount('/dev/mqueue', 'mqueue', ['nosuid', 'noexec', 'nodev']),
  mount('/sys', 'sysfs', ['nosuid', 'noexec', 'nodev', 'ro']),
];

const MASKED_PATHS = [
  '/proc/acpi',
  '/proc/kcore',
  '/proc/keys',
  '/proc/timer_list',
  '/proc/sched_debug',
  '/sys/firmware',
];
const READONLY_PATHS = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** The whole config.json; `cgroup` is the container's path in every hierarchy. */
export async function runcSpec(spec: ContainerSpec, cgroup: string): Promise<object> {
  return {
    ociVersion: '1.0.2',
    process: await runcProcess(spec, spec.rootfs),
    root: { path: spec.rootfs },
    hostname: spec.id.slice(0, 63),
    mounts: MOUNTS,
    linux: {
      cgroupsPath: cgroup,
      resources: {
        devices: [{ allow: false, access: 'rwm' }],
        ...(spec.memoryBytes === undefined ? {} : { memory: memoryLimit(spec.memoryBytes) }),
      },
      namespaces: ['pid', 'network', 'ipc', 'uts', 'mount'].map((type) => ({ type })),
      maskedPaths: MASKED_PATHS,
      readonlyPaths: READONLY_PATHS,
    },
  };
}

/** Its `process` part, which is also what `runc exec --process` takes. */
export async function runcProcess(spec: ProcessSpec, rootfs: string): Promise<object> {
  return {
    terminal: false,
    user: await resolveUser(spec.user, rootfs),
    args: spec.args,
    env: spec.environment,
    cwd: spec.workingDirectory,
    capabilities: { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES },
    rlimits: [{ type: 'RLIMIT_NOFILE', hard: 1024, soft: 1024 }],
    noNewPrivileges: true,
  };
}

/** Memory and swap together. Without swap accounting (cgroup v1, a boot option) runc refuses the second figure. */
function memoryLimit(limit: number): object {
  const isV1 = existsSync('/sys/fs/cgroup/memory/memory.limit_in_bytes');
  const hasSwap = !isV1 || existsSync('/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes');
  return hasSwap ? { limit, swap: limit } : { limit };
}

/** `uid`, `uid:gid` or a name of the root filesystem's own /etc/passwd. */
async function resolveUser(user: string, rootfs: string): Promise<{ uid: number; gid: number }> {
  if (user === '') return { uid: 0, gid: 0 };
  const numbers = /^(\d{1,9})(?::(\d{1,9}))?$/.exec(user);
  if (numbers) return { uid: Number(numbers[1]), gid: Number(numbers[2] ?? 0) };
  for (const line of (await readPasswd(rootfs)).split('\n')) {
    const [name, , uid, gid] = line.split(':');
    if (name === user && /^\d{1,9}$/.test(uid ?? '') && /^\d{1,9}$/.test(gid ?? '')) {
      return { uid: Number(uid), gid: Number(gid) };
    }
  }
  throw new InvalidArgumentError('user', user, "uid, uid:gid or a name in the image's /etc/passwd");
}

async function readPasswd(rootfs: string): Promise<string> {
  const path = new RootedTree(rootfs).resolveFile(['etc', 'passwd'], '/etc/passwd');
  if (!path) return '';
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_PASSWD_BYTES), 0, MAX_PASSWD_BYTES, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

function mount(destination: string, type: string, options: readonly string[]) {
  return { destination, type, source: type, options };
}
