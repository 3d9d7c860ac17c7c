function r(t,c){let e=document.createElement("a");e.href=URL.createObjectURL(c),e.download=t,e.click(),setTimeout(()=>URL.revokeObjectURL(e.href),1e4)}export{r as a};
