import{m as o,o as h}from"./chunk-W2TBZ6LF.js";function p(){return h("h1",{children:o("nav.help")})}export{p as Help};
