// A reporter that writes down the files of tests that failed, one a line.
export default async function* failed(source) {
  for await (const { type, data } of source) {
    if (type === "test:fail" && data.file) yield `${data.file}\n`;
  }
}
