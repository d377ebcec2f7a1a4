// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <sys/types.h>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/isolate/outcome.h"

// What the runtime and the process that becomes the container say to each other: fixed records over a socket pair, a
// descriptor beside one where it needs to. The end of file on either side says that the other one is gone; both ends
// are close-on-exec, so the runtime reads it once the user's program runs.
namespace ballast::container {

enum class Message : std::uint32_t {
    kFailed,       // child: `outcome` says where; nothing follows
    kWantMappings, // child: the user namespace is made; write its maps, then kContinue
    kSpawned,      // child: `value` is the pid of the process that goes on in its place
    kMounted,      // child: the file system stands, hooks may run; then kContinue
    kTerminal,     // child: the terminal's master side is the descriptor beside this
    kListener,     // child: the seccomp listener is the descriptor beside this; then kContinue
    kReady,        // child: all is done but running the program; then kContinue
    kContinue,     // runtime
};

struct Record {
    Message message = Message::kFailed;
    std::int32_t value = 0;
    isolate::Outcome outcome{};
};

struct ChannelEnds {
    Fd parent;
    Fd child;
};
Result<ChannelEnds> make_channel();

// None of these allocates. The runtime's side: `passed` is a descriptor to send, or -1; receiving gives false at the
// end of file or on an error (errno; 0 for the end), and `passed`, where not null, gets what came, or -1.
bool send_record(BorrowedFd channel, const Record &record, int passed = -1);
bool receive_record(BorrowedFd channel, Record &record, int *passed = nullptr);
// The child's side, by read(2) and write(2) alone: its seccomp filter may be in force already. When the runtime is
// gone, writing kills it (SIGPIPE), as it should.
bool write_record(BorrowedFd channel, const Record &record);
bool read_record(BorrowedFd channel, Record &record);

} // namespace ballast::container
