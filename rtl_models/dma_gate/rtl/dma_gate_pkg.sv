`default_nettype none

package dma_gate_pkg;
  // The gate of one function.
  typedef enum logic [1:0] {
    StRun,    // open
    StDrain,  // to be closed: work in progress still leaves
    StQuiet   // closed and acknowledged: interrupt messages only
  } state_e;
endpackage

`default_nettype wire
