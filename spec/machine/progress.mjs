/** A reporter of jest: each test as it ends. The machine tier takes long, and jest itself is silent until a file is through. */
export default class Progress {
  onTestCaseResult(_test, { status, fullName, duration, failureMessages }) {
    const seconds = Math.round((duration ?? 0) / 1000);
    process.stdout.write(`${[`${status} after ${seconds} s: ${fullName}`, ...failureMessages].join('\n')}\n`);
  }
}
