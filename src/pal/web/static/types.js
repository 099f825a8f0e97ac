// The shapes that cross the wire; the server's OpenAPI description is the authority.
// @ts-check

/**
 * @typedef {object} Tile
 * @property {string} id       content hash of the item
 * @property {string} name
 * @property {string|null} text
 * @property {[string, string][]} cells  names and values of a table's row
 *
 * @typedef {object} Page
 * @property {string} id
 * @property {Tile} template
 * @property {Tile[]} exemplars
 * @property {Tile[]} tiles
 * @property {"same"|"different"} mode   what is clicked: the same ones, or the odd ones
 * @property {string} group              name of the template's group, or ""
 *
 * @typedef {object} Progress
 * @property {number} n_items
 * @property {number} told
 * @property {number} deduced
 * @property {number} predicted
 * @property {number} n_groups
 * @property {number} pages
 * @property {number} position             of the log: how many events these numbers know
 *
 * @typedef {"selected"|"unsure"} Mark
 * @typedef {"unsuitable"|"broken"} Reason
 *
 * @typedef {object} Entry                 one page on the desk
 * @property {Page} page
 * @property {Record<string, Mark>} marks  by item id; no mark = not selected
 * @property {Record<string, {event: string, reason: Reason}>} flags
 * @property {[string, number][]} toggles  item id, seconds since the page was shown
 * @property {number} seconds              looked at so far
 * @property {number} fetched              milliseconds since the epoch
 * @property {string|null} answer          id of the event that answers it now
 * @property {string|null} said            what that event said, to see whether anything changed
 *
 * @typedef {{kind: string, id: string, time: number, [more: string]: unknown}} LogEvent
 */
export {};
