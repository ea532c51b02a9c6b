/** IndexedDB in the little that is needed of it, as promises. */

export type Schema = {
  readonly name: string;
  readonly version: number;
  readonly stores: Readonly<Record<string, string | string[]>>;
};

/** Opens a database; another version of it is thrown away, for it is only a copy. */
export function openDatabase({ name, version, stores }: Schema): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, version);
    request.onupgradeneeded = () => {
      const db = request.result;
      for (const old of Array.from(db.objectStoreNames)) db.deleteObjectStore(old);
      for (const [store, keyPath] of Object.entries(stores)) db.createObjectStore(store, { keyPath });
    };
    request.onsuccess = () => {
      const db = request.result;
      // A newer page wants another version: it shall not wait for this one.
      db.onversionchange = () => db.close();
      resolve(db);
    };
    request.onerror = () => reject(request.error ?? new Error("indexedDB.open"));
    request.onblocked = () => reject(new Error("blocked"));
  });
}

export function asked<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("indexedDB"));
  });
}

export function done(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error("aborted"));
  });
}
