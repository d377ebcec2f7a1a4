// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/conversation.h"

namespace ballast::container {

Result<bool> converse(BorrowedFd channel, const Conversation &conversation) {
    for (;;) {
        Record record;
        int passed = -1;
        if (!receive_record(channel, record, &passed)) {
            return errno == 0 ? Result<bool>(false) : fail_errno("hear from the container's process");
        }
        Fd descriptor(passed);
        switch (record.message) {
        case Message::kFailed:
            return std::unexpected(conversation.describe(record.outcome));
        case Message::kReady:
            return true;
        case Message::kMounted:
            TRY(conversation.mounted());
            TRY(continue_process(channel));
            break;
        case Message::kTerminal:
            TRY(conversation.terminal(std::move(descriptor)));
            break;
        case Message::kListener:
            TRY(conversation.listener(std::move(descriptor)));
            TRY(continue_process(channel));
            break;
        case Message::kWantMappings:
        case Message::kSpawned:
        case Message::kContinue:
            return fail(EPROTO, "the container's process said what it should not");
        }
    }
}

Status continue_process(BorrowedFd channel) {
    return send_record(channel, {.message = Message::kContinue}) ? Status{}
                                                                 : fail_errno("let the container's process go on");
}

} // namespace ballast::container
