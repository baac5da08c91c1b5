/** Figures and keys in the one manner of writing that the page and its texts share. */

/** A probability in whole percent without false precision: "<1 %", "12 %", ">99 %". */
export function wholePercent(share: number): string {
  if (share < 0.01) return "<1\u00a0%";
  if (share > 0.99) return ">99\u00a0%";
  return `${(100 * share).toFixed(0)}\u00a0%`;
}

/** The name of a card's key or an operating point as words: "top_10_percent" as "Top 10 percent". */
export function heading(key: string): string {
  const words = key.replace(/_/g, " ").replace(/\b(auc|bcsc|ece)\b/g, (word) => word.toUpperCase());
  return words.charAt(0).toUpperCase() + words.slice(1);
}
