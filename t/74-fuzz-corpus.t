# Every fuzz target (t/fuzz) accepts the files of its corpus: seeds, and inputs that once made it fail.

use v5.36;
use File::Glob qw(:bsd_glob);    # paths may have spaces

use FindBin;
use Test::More;

my $build = $ENV{VS_BUILD} // 'build';
$build = "$FindBin::Bin/../$build" if $build !~ m{^/};

for my $folder (glob "$FindBin::Bin/fuzz/corpus/*") {
    my $name = $folder =~ s{.*/}{}r;
    my @files = glob "$folder/*";
    open my $output, '-|', "$build/replay/$name", @files or die "cannot run $build/replay/$name: $!\n";
    my $passed = grep { /^ok / } <$output>;
    ok close $output, "the fuzz target $name ends successfully";
    is $passed, scalar @files, "the fuzz target $name has processed all " . @files . ' files of its corpus';
}

done_testing;
