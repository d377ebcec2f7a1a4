// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/words.h"

namespace ballast::isolate {

void Words::add(std::string word) {
    pointers_ = {};
    words_.push_back(std::move(word));
}

void Words::freeze() {
    pointers_.clear();
    pointers_.reserve(words_.size() + 1);
    for (std::string &word : words_) {
        pointers_.push_back(word.data());
    }
    pointers_.push_back(nullptr);
}

} // namespace ballast::isolate
