// @ts-check
/** The page behind an invitation. A button and no redirect: programs that look at links must not spend this one. */

const invitation = new URLSearchParams(location.search).get("invite") ?? "";
// The word leaves the address bar, and with it the history.
history.replaceState(null, "", "/");

const said = document.getElementById("said");

document.getElementById("join")?.addEventListener("click", async () => {
  try {
    const reply = await fetch("/api/join", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ invite: invitation }),
    });
    if (reply.ok) location.replace("/");
    else if (said) said.textContent = (await reply.json()).detail;
  } catch {
    if (said) said.textContent = "The server didn't answer; try again in a moment.";
  }
});
