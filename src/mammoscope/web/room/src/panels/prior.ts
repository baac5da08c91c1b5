/** Chooses the earlier study to hang beside this one. */
import { api } from "../api";
import { ask } from "../dialogs";
import { el } from "../dom";
import { moment, studyName } from "../format";
import { address, go } from "../router";
import { text } from "../text";
import { fail } from "../toast";

export async function choosePrior(id: string): Promise<void> {
  const rows = (await api.studies("created")).filter((row) => row.id !== id && !row.ultrasound);
  if (rows.length === 0) {
    fail(new Error(text.prior.none));
    return;
  }
  const choice = el("select", {}, rows.map((row) => el("option", { value: row.id }, `${studyName(row)}, ${moment(row.created)}`)));
  const body = el("div", {}, el("p", {}, text.prior.how), el("label", { class: "field" }, el("span", {}, text.prior.label), choice));
  const answer = await ask(text.prior.title, body, [["", text.cancel], ["yes", text.prior.compare]]);
  if (answer === "yes") go(address("study", id, choice.value));
}
