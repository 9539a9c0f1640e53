package Scratch;

# Temporary folders for a test. They are removed when the test ends; when it has failed they are kept, and
# their paths are printed.
#
#   my $folder = Scratch::folder('cluster');
#   Scratch::remove($folder);

use v5.36;

use File::Path ();
use File::Temp ();
use Test::More ();

my %made;      # the process that made each folder
my $failed;    # set at the end of the test: Test::More is gone when the last objects are destroyed

END {
    $failed = $? || !Test::More->builder->is_passing;
    if ($failed) {
        say STDERR "# kept: $_" for grep { $made{$_} == $$ && -d } sort keys %made;
    }
}

sub folder ($purpose) {
    my $folder = File::Temp::tempdir("video-server-$purpose-XXXXXX", TMPDIR => 1);
    $made{$folder} = $$;
    return $folder;
}

# Removes folders and their contents, unless the test has failed. A child process removes none of its
# parent's folders.
sub remove (@folders) {
    return if $failed // !Test::More->builder->is_passing;
    File::Path::remove_tree(grep { ($made{$_} // $$) == $$ && -d } @folders);
    return;
}

1;
