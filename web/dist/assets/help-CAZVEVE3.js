import{l as o,n as h}from"./chunk-L2PJIKUA.js";function p(){return h("h1",{children:o("nav.help")})}export{p as Help};
