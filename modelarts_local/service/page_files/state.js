// What the page knows; everything on it is drawn from here.

export const state = {
  service: null, // service.json
  form: null, // of the first model; the others get the pictures in the same order
  field: 0, // which file field the next picture is for
  chosen: [], // by field: {file, url, sample, width, height}
  asked: null, // {chosen, json, results}
  history: [], // what was asked, newest first
  message: null, // {key, values}
  health: "unknown",
  isWatching: false,
  sendAgain: false, // when the service is warm
};
