// What the bundler puts in the place of <tags>. It is smaller than the automatic
// runtime: every element saves a few bytes, and the page has a budget.
export { Fragment, h } from "preact";
