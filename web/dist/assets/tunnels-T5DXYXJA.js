import{l as n,n as o}from"./chunk-L2PJIKUA.js";function r(){return o("h1",{children:n("nav.tunnels")})}export{r as Tunnels};
