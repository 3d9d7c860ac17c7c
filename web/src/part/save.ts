/** Lets the browser save something as a file. */
export function saveAs(name: string, what: Blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(what);
  link.download = name;
  link.click();
  // The browser has its own hold on it once the click is through.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
