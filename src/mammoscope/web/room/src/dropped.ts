/** The files of a drop or a choice, folders to their full depth. */

const IGNORED = new Set(["thumbs.db", "desktop.ini", "dicomdir"]);

/** Leaves out what systems put beside pictures; everything else is the service's to judge. */
export function worthSending(file: File): boolean {
  return file.size > 0 && !file.name.startsWith(".") && !IGNORED.has(file.name.toLowerCase());
}

const paths = new WeakMap<File, string>();

/** The file's name with the folders it was dropped or chosen in, which tell one exam from another. */
export function pathOf(file: File): string {
  return paths.get(file) ?? (file.webkitRelativePath || file.name);
}

/** A reader hands out a folder's entries in portions; an empty one is the end. */
async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((done, failed) => reader.readEntries(done, failed));
    if (some.length === 0) return all;
    all.push(...some);
  }
}

async function filesOf(entry: FileSystemEntry): Promise<File[]> {
  if (entry.isFile) {
    const handle = entry as FileSystemFileEntry;
    const file = await new Promise<File>((done, failed) => handle.file(done, failed));
    paths.set(file, entry.fullPath.replace(/^\//, ""));
    return [file];
  }
  const inside = await entriesOf(entry as FileSystemDirectoryEntry);
  return (await Promise.all(inside.map(filesOf))).flat();
}

/** What was dropped. The entries must be taken before the first wait: the event empties itself. */
export async function droppedFiles(data: DataTransfer): Promise<File[]> {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  const files = entries.length > 0 ? (await Promise.all(entries.map(filesOf))).flat() : [...data.files];
  return files.filter(worthSending);
}
