// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "updater/bus.h"

// `ballast`: one function a command. They print to stdout and stderr and return the exit status.
namespace ballast::updater::cli {

// The same for all commands, and documented in ballast(1).
enum Exit {
    kDone = 0,
    kFailed = 1,
    kUsage = 2,
    kNothing = 3, // upgrade --check: nothing newer
    kRefused = 4, // older, given up before, wrongly signed, expired
    kBusy = 5,    // another operation is under way
};

using Ask = std::function<Result<std::string>(const BusCall &call, const BusClient::Watch &watch)>;

struct UpgradeOptions {
    std::string target; // for rebase
    bool check = false, reboot = false, allow_older = false, insist = false;
};
struct KernelArgumentOptions {
    KernelArgumentChanges changes;
    bool reboot = false;
};

int status(const Ask &ask, bool json);
int history(const Ask &ask, bool json);
int upgrade(const Ask &ask, const UpgradeOptions &options);
int kernel_arguments(const Ask &ask, const KernelArgumentOptions &options);
// How the last boot was judged; with `run`, how the checks find the machine now. 0: well, 1: not, or not judged yet.
int health(bool run, bool json);
// One archive of what people need who look into this machine from afar. `output` empty: a new file in /var/tmp.
int support_bundle(const std::string &output, int boots);
// Methods that answer with one line: Rollback, Pin, CleanUp, Acknowledge, Cancel.
int simple(const Ask &ask, const BusCall &call);

} // namespace ballast::updater::cli
