/** Where the Debian of this machine is too old for a program: the C and C++ libraries of a newer one, beside ours. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SOURCES = `Types: deb
URIs: http://deb.debian.org/debian
Suites: trixie
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
`;

/**
 * What to put before a program's own command line so that it runs: nothing, or the loader of Debian 13 with its libraries,
 * which are unpacked below `dir`.
 *
 * @returns undefined where it runs neither way
 */
export function loaderFor(program: string, dir: string): string[] | undefined {
  if (runs([program])) return [];
  try {
    const loader = unpackLoader(dir);
    return runs([...loader, program]) ? loader : undefined;
  } catch {
    return undefined;
  }
}

function runs(command: readonly string[]): boolean {
  const { stderr, status } = spawnSync(command[0]!, [...command.slice(1), '--help'], { encoding: 'utf8' });
  return status !== null && !/GLIBC|not found|No such file/.test(stderr);
}

function unpackLoader(dir: string): string[] {
  for (const folder of ['lists/partial', 'cache/archives/partial', 'root'])
    mkdirSync(join(dir, folder), { recursive: true });
  writeFileSync(join(dir, 'trixie.sources'), SOURCES);
  const options = [
    `Dir::Etc::SourceList=${join(dir, 'trixie.sources')}`,
    'Dir::Etc::SourceParts=-',
    `Dir::State::lists=${join(dir, 'lists')}`,
    `Dir::Cache=${join(dir, 'cache')}`,
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option]);
  const apt = (...args: string[]) => execFileSync('apt-get', [...options, ...args], { cwd: dir, stdio: 'pipe' });
  apt('update', '-qq');
  apt('download', '-qq', 'libc6', 'libstdc++6', 'libgcc-s1');
  for (const name of readdirSync(dir).filter((one) => one.endsWith('.deb'))) {
    execFileSync('dpkg-deb', ['-x', join(dir, name), join(dir, 'root')]);
  }
  const [libraries] = readdirSync(join(dir, 'root/usr/lib')).filter((name) => name.endsWith('-linux-gnu'));
  const folder = join(dir, 'root/usr/lib', libraries!);
  const [loader] = readdirSync(folder).filter((name) => name.startsWith('ld-linux'));
  return [join(folder, loader!), '--library-path', folder];
}
