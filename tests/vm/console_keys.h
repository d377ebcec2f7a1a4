// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace ballast::vm {

// Finds the console's own commands among the keys: ctrl-a x quits, ctrl-a ctrl-a is one ctrl-a for the guest, and
// ctrl-a with any other key is passed on as typed.
class ConsoleKeys {
  public:
    // What goes to the guest. After a quit nothing does.
    std::string filter(std::string_view typed) {
        std::string sent;
        for (const char key : typed) {
            if (quit_) {
                break;
            }
            if (!escaped_) {
                escaped_ = key == kEscape;
                if (!escaped_) {
                    sent += key;
                }
                continue;
            }
            escaped_ = false;
            quit_ = key == 'x';
            if (!quit_) {
                sent += kEscape;
            }
            if (!quit_ && key != kEscape) {
                sent += key;
            }
        }
        return sent;
    }
    bool quit() const { return quit_; }

  private:
    static constexpr char kEscape = 1; // ctrl-a
    bool escaped_ = false;
    bool quit_ = false;
};

} // namespace ballast::vm
