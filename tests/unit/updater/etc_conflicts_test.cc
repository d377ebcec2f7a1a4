// SPDX-License-Identifier: Apache-2.0
#include "updater/etc_conflicts.h"

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::updater;
namespace fs = std::filesystem;

TEST_CASE("what both the machine and the update have changed is a conflict, and nothing else", "[updater]") {
    const TemporaryDirectory directory = scratch();
    const fs::path ours = directory.path() / "ours", before = directory.path() / "old",
                   after = directory.path() / "new";
    const auto put = [&](const char *name, const char *here, const char *old_text, const char *new_text) {
        for (const auto &[root, text] :
             {std::pair{ours, here}, std::pair{before, old_text}, std::pair{after, new_text}}) {
            must(make_directories((root / name).parent_path()));
            if (text != nullptr) {
                must(write_file(root / name, text));
            }
        }
    };
    put("same", "a", "a", "a");
    put("ours-only", "b", "a", "a");
    put("update-only", "a", "a", "b");
    put("both", "b", "a", "c");
    put("both-alike", "b", "a", "b");
    put("removed-here", nullptr, "a", "b");
    put("removed-there", "b", "a", nullptr);
    put("new-in-both", "x", nullptr, "y");
    put("new-there", nullptr, nullptr, "y");
    put("local", "x", nullptr, nullptr);
    put("deep/inside/both", "b", "a", "c");
    put("mode", "a", "a", "a");
    fs::permissions(after / "mode", fs::perms(0600));
    fs::permissions(ours / "mode", fs::perms(0640));
    fs::create_symlink("nowhere", ours / "link");
    fs::create_symlink("here", before / "link");
    fs::create_symlink("there", after / "link");

    CHECK(must(etc_conflicts(ours, before, after)) == std::vector<std::string>{"both", "deep/inside/both", "link",
                                                                               "mode", "new-in-both", "removed-here",
                                                                               "removed-there"});
    CHECK(must(etc_conflicts(ours, before, after, 2)).size() == 2);
    CHECK_FALSE(etc_conflicts(ours, before, directory.path() / "missing").has_value());
}
