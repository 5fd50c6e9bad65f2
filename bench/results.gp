# SPDX-License-Identifier: BSD-2-Clause
# results.gp: the picture of the last run. gnuplot -e "data='...'; picture='...'" results.gp
set terminal svg size 860,620 font "sans-serif,12" background "white"
set output picture
set datafile separator "\t"
set style data histograms
set style histogram clustered gap 1
set style fill solid 0.9 noborder
set boxwidth 0.9
set grid ytics lc rgb "#dddddd"
set border 3
set tics nomirror scale 0.5
set yrange [0:*]
label(row) = row eq "lockstep-1428" ? "1 client,\nlock-step" : \
    row eq "window-64" ? "1 client,\nwindow 64" : row eq "many-1" ? "200 clients,\nlock-step" : \
    row eq "many-16" ? "200 clients,\nwindow 16" : row eq "thousand-1" ? "1,000 clients,\nlock-step" : \
    "1,000 clients,\nwindow 16"
set multiplot layout 2,1
set key outside top center horizontal samplen 1.5
set lmargin 7
set xrange [-0.6:5.6]
set bmargin 3.5
set title "Reads over loopback, blksize 1428: MB/s (more is better; no bar: it failed)"
plot data using 2:xtic(label(stringcolumn(1))) title "wherryd" lc rgb "#1b6ca8", \
    "" using 4 title "dnsmasq" lc rgb "#e0a458", \
    "" using 6 title "atftpd" lc rgb "#9c9c9c", \
    "" using 8 title "in.tftpd" lc rgb "#5f5f5f"
unset key
set title "CPU seconds of the server for each GB (less is better)"
plot data using 3:xtic(label(stringcolumn(1))) lc rgb "#1b6ca8", \
    "" using 5 lc rgb "#e0a458", "" using 7 lc rgb "#9c9c9c", "" using 9 lc rgb "#5f5f5f"
