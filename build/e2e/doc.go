// Package e2e holds the tests of the whole: the real programs, between real
// servers, in network namespaces that each test makes and removes. They need
// Linux, root and the ip command, and are skipped with a reason elsewhere.
//
// The tests of the page are in folder page: they drive a real browser, and
// command lab is the world around it. See page/run.mjs.
//
// With HOLDFAST_SOAK=1 the long ones run too.
package e2e
