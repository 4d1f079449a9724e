// What of sigma and graphology the page uses; build.mjs makes one script of it.
export { MultiGraph } from "graphology";
export { default as Sigma } from "sigma";
export { EdgeLineProgram, NodePointProgram } from "sigma/rendering";
