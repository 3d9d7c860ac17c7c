// What the bundler puts in the place of <tags>. It is smaller than the automatic
// runtime: every element saves a few bytes, and the page has a budget. The name is
// a long one, since a shorter one would be taken for a variable of that name.
export { createElement, Fragment } from "preact";
