/** Every function of native/include/schedscope.h, in its order. */
export const symbols = {
  schedscope_abi: { parameters: [], result: "i32" },
  schedscope_gettid: { parameters: [], result: "i32" },

  schedscope_spin_open: {
    parameters: [
      "buffer", // const uint8_t *args
      "u32", // uint32_t args_size
      "buffer", // uint8_t *message
      "u32", // uint32_t message_size
    ],
    result: "i32",
  },
  schedscope_spin_run: {
    parameters: ["i32"], // int32_t handle
    result: "i32",
    nonblocking: true,
  },
  schedscope_spin_stop: {
    parameters: ["i32"], // int32_t handle
    result: "i32",
  },
  schedscope_spin_close: {
    parameters: ["i32"], // int32_t handle
    result: "i32",
  },

  schedscope_reflex_open: {
    parameters: [
      "buffer", // const uint8_t *args
      "u32", // uint32_t args_size
      "buffer", // uint8_t *message
      "u32", // uint32_t message_size
    ],
    result: "i32",
  },
  schedscope_reflex_run: {
    parameters: ["i32"], // int32_t handle
    result: "i32",
    nonblocking: true,
  },
  schedscope_reflex_stop: {
    parameters: ["i32"], // int32_t handle
    result: "i32",
  },
  schedscope_reflex_result: {
    parameters: [
      "i32", // int32_t handle
      "buffer", // uint8_t *text
      "u32", // uint32_t size
    ],
    result: "i32",
  },
  schedscope_reflex_close: {
    parameters: ["i32"], // int32_t handle
    result: "i32",
  },

  schedscope_tsc_info: {
    parameters: [
      "u32", // uint32_t brackets
      "u32", // uint32_t bracket_ms
      "buffer", // double *info
      "buffer", // uint8_t *clocksource
      "u32", // uint32_t clocksource_size
    ],
    result: "i32",
    nonblocking: true,
  },
  schedscope_tsc_pair: {
    parameters: ["buffer"], // uint64_t *pair
    result: "i32",
  },

  schedscope_affinity_get: {
    parameters: [
      "i32", // int32_t tid
      "buffer", // uint8_t *mask
      "u32", // uint32_t size
    ],
    result: "i32",
  },
  schedscope_affinity_set: {
    parameters: [
      "i32", // int32_t tid
      "buffer", // const uint8_t *mask
      "u32", // uint32_t size
    ],
    result: "i32",
  },
  schedscope_policy_get: {
    parameters: [
      "i32", // int32_t tid
      "buffer", // uint64_t *attr
    ],
    result: "i32",
  },
  schedscope_policy_set: {
    parameters: [
      "i32", // int32_t tid
      "buffer", // const uint64_t *attr
    ],
    result: "i32",
  },
  schedscope_core_sched: {
    parameters: [
      "i32", // int32_t command
      "i32", // int32_t pid
      "i32", // int32_t scope
      "buffer", // uint64_t *cookie
    ],
    result: "i32",
  },
} as const satisfies Deno.ForeignLibraryInterface;
