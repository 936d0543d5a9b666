/** Text of the source as the inside of a block comment, which it cannot end or disturb. */
export function commentText(text: string): string {
  return text
    .replace(/\r\n?|[\u2028\u2029]/gu, "\n")
    .replace(/[\p{Cc}\p{Cs}]/gu, (character) => (character === "\n" || character === "\t" ? character : " "))
    .replaceAll("*/", "*\\/");
}
