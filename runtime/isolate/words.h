// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace ballast::isolate {

// A list of strings in the form that execve(2) takes, made before clone3(2) so that nothing is allocated after it.
class Words {
  public:
    Words() = default;
    explicit Words(std::vector<std::string> words) : words_(std::move(words)) {}
    void add(std::string word) { words_.push_back(std::move(word)); }
    const std::vector<std::string> &list() const { return words_; }
    // Ends in a null pointer. Call it once all words are there, and keep the object where it is from then on.
    void freeze();
    char *const *pointers() const { return pointers_.data(); }

  private:
    std::vector<std::string> words_;
    std::vector<char *> pointers_;
};

} // namespace ballast::isolate
